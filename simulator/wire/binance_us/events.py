"""What the private stream says of a change, as the venue writes it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.domain.enums import Liquidity
from shared.domain.values import ZERO
from simulator.engine.model import (
    Change,
    Execution,
    Funds,
    Listing,
    OrderChanged,
    SimulatedOrder,
    State,
)
from simulator.wire.binance_us.documents import (
    amount,
    status_name,
    time_in_force_name,
    type_name,
)
from simulator.wire.binance_us.listings import venue_symbol
from simulator.wire.binance_us.parameters import milliseconds

_NONE = -1


def is_told(changed: OrderChanged) -> bool:
    """The end of a filled order has no event of its own: its last trade says FILLED."""
    return not (changed.change is Change.ENDED and changed.order.state is State.FILLED)


def _filled_by(changed: OrderChanged) -> tuple[Decimal, Decimal]:
    """Return what had filled when this happened, in base and in quote."""
    if changed.change is Change.ACCEPTED:
        return ZERO, ZERO
    quantity, notional = ZERO, ZERO
    for one in changed.order.executions:
        quantity += one.quantity
        notional += one.quantity * one.price
        if changed.execution is not None and one.trade_id == changed.execution.trade_id:
            break
    return quantity, notional


def _states(changed: OrderChanged, filled: Decimal) -> tuple[str, str]:
    """Return the execution type and the order's status."""
    if changed.change is Change.ACCEPTED:
        return "NEW", "NEW"
    if changed.change is Change.EXECUTED:
        is_full = filled >= changed.order.quantity
        return "TRADE", "FILLED" if is_full else "PARTIALLY_FILLED"
    status = status_name(changed.order)
    return status, status


def _names(order: SimulatedOrder, status: str, cancel_id: str) -> dict[str, str]:
    """A canceled order carries the cancel's id as `c` and its own as `C`."""
    own = order.asked.client_order_id
    return {"c": cancel_id, "C": own} if status == "CANCELED" else {"c": own, "C": ""}


def execution_report(
    changed: OrderChanged, listing: Listing, cancel_id: str, now: datetime
) -> dict[str, Any]:
    order = changed.order
    filled, notional = _filled_by(changed)
    kind, status = _states(changed, filled)
    names = _names(order, status, cancel_id)
    is_working = status in ("NEW", "PARTIALLY_FILLED") and order.state is not State.PENDING
    accepted = milliseconds(order.accepted_at)
    return {
        "e": "executionReport",
        "E": milliseconds(now),
        "s": venue_symbol(listing),
        "c": names["c"],
        "S": order.asked.side.name,
        "o": type_name(order),
        "f": time_in_force_name(order),
        "q": amount(order.quantity),
        "p": amount(order.asked.limit_price or ZERO),
        "P": amount(order.asked.stop_price or ZERO),
        "F": amount(ZERO),
        "g": _NONE,
        "C": names["C"],
        "x": kind,
        "X": status,
        "r": "NONE",
        "i": order.number,
        **_last_trade(changed.execution, order),
        "z": amount(filled),
        "I": order.number,
        "w": is_working,
        "M": False,
        "O": accepted,
        "Z": amount(notional),
        "Q": amount(order.asked.quote_quantity or ZERO),
        "W": accepted,
        "V": "NONE",
    }


def _last_trade(execution: Execution | None, order: SimulatedOrder) -> dict[str, Any]:
    if execution is None:
        nothing = amount(ZERO)
        return {
            "l": nothing,
            "L": nothing,
            "n": "0",
            "N": None,
            "T": milliseconds(order.updated_at),
            "t": _NONE,
            "m": False,
            "Y": nothing,
        }
    return {
        "l": amount(execution.quantity),
        "L": amount(execution.price),
        "n": amount(execution.fee),
        "N": execution.fee_asset,
        "T": milliseconds(execution.at),
        "t": int(execution.trade_id),
        "m": execution.liquidity is Liquidity.MAKER,
        "Y": amount(execution.quantity * execution.price),
    }


def account_position(
    changed: OrderChanged, listing: Listing, funds: Mapping[str, Funds], now: datetime
) -> dict[str, Any]:
    """Return the balances that the change may have moved."""
    nothing = Funds(available=ZERO, held=ZERO)
    return {
        "e": "outboundAccountPosition",
        "E": milliseconds(now),
        "u": milliseconds(changed.order.updated_at),
        "B": [
            {
                "a": asset,
                "f": amount(funds.get(asset, nothing).available),
                "l": amount(funds.get(asset, nothing).held),
            }
            for asset in (listing.base, listing.quote)
        ],
    }
