"""What the private streams say of orders and balances."""

from decimal import Decimal
from typing import Any

from shared.domain.enums import Liquidity, OrderType
from shared.domain.values import ZERO, to_text
from simulator.engine.model import Change, Execution, Funds, OrderChanged, SimulatedOrder
from simulator.wire.kucoin.account import user_number
from simulator.wire.kucoin.documents import (
    account_number,
    client_id_of,
    size_of,
    trade_number,
    was_canceled,
)
from simulator.wire.kucoin.moments import milliseconds, nanoseconds

ORDERS = "/spotMarket/tradeOrders"
ORDERS_2 = "/spotMarket/tradeOrdersV2"
BALANCES = "/account/balance"
PRIVATE = frozenset({ORDERS, ORDERS_2, BALANCES})

Frame = dict[str, Any]


def order_frame(topic: str, order: SimulatedOrder, kind: str, status: str) -> Frame:
    """Return a message on an order; `kind` is received, open, match, filled or canceled."""
    asked = order.asked
    data: Frame = {
        "symbol": asked.symbol,
        "orderType": asked.order_type.value,
        "side": asked.side.value,
        "orderId": order.venue_order_id,
        "type": kind,
        "orderTime": milliseconds(order.accepted_at),
        "clientOid": client_id_of(order),
        "status": status,
        "originSize": to_text(size_of(order)),
        "ts": nanoseconds(order.updated_at),
    }
    if asked.order_type is OrderType.LIMIT:
        data["price"] = to_text(asked.limit_price or ZERO)
    if asked.quote_quantity is not None:
        data["originFunds"] = to_text(asked.quote_quantity)
    if kind != "received":
        data |= _progress(order)
    return {
        "topic": topic,
        "type": "message",
        "subject": "orderChange",
        "userId": str(user_number(asked.account)),
        "channelType": "private",
        "data": data,
    }


def match_frame(topic: str, order: SimulatedOrder, execution: Execution) -> Frame:
    frame = order_frame(topic, order, "match", "match")
    is_maker = execution.liquidity is Liquidity.MAKER
    frame["data"] |= {
        "liquidity": execution.liquidity.value,
        "feeType": "makerFee" if is_maker else "takerFee",
        "matchPrice": to_text(execution.price),
        "matchSize": to_text(execution.quantity),
        "tradeId": str(trade_number(execution.trade_id)),
        "ts": nanoseconds(execution.at),
    }
    return frame


def order_frames(topic: str, change: OrderChanged) -> list[Frame]:
    """Return what a change is on one of the two order topics; only the newer one tells receipt."""
    order = change.order
    if change.change is Change.ACCEPTED:
        return [order_frame(topic, order, "received", "new")] if topic == ORDERS_2 else []
    if change.change is Change.ENDED:
        kind = "canceled" if was_canceled(order) else "filled"
        return [order_frame(topic, order, kind, "done")]
    frames: list[Frame] = []
    if change.execution is not None:
        frames.append(match_frame(topic, order, change.execution))
    if order.state.is_over and not was_canceled(order):
        frames.append(order_frame(topic, order, "filled", "done"))
    return frames


def balance_frame(change: OrderChanged, currency: str, was: Funds, now: Funds) -> Frame:
    """Return a message on one balance that the change has moved."""
    order, execution = change.order, change.execution
    context = {"symbol": order.asked.symbol, "orderId": order.venue_order_id}
    if execution is not None:
        context["tradeId"] = str(trade_number(execution.trade_id))
    account, at = order.asked.account, order.updated_at
    event = "trade.setted" if execution is not None else "trade.hold"
    return {
        "topic": BALANCES,
        "type": "message",
        "subject": "account.balance",
        "id": str(nanoseconds(at) // 1000),
        "userId": str(user_number(account)),
        "channelType": "private",
        "data": {
            "accountId": account_number(account, "trade", currency),
            "currency": currency,
            "total": to_text(now.available + now.held),
            "available": to_text(now.available),
            "availableChange": _change(now.available - was.available),
            "hold": to_text(now.held),
            "holdChange": _change(now.held - was.held),
            "relationEvent": event,
            "relationEventId": order.venue_order_id,
            "relationContext": context,
            "time": str(milliseconds(at)),
        },
    }


def _progress(order: SimulatedOrder) -> Frame:
    size, filled = size_of(order), order.filled_quantity
    left = max(size - filled, ZERO)
    return {
        "size": to_text(size),
        "filledSize": to_text(filled),
        "remainSize": to_text(ZERO if order.state.is_over else left),
        "canceledSize": to_text(left if was_canceled(order) else ZERO),
        "canceledFunds": to_text(_canceled_funds(order)),
    }


def _canceled_funds(order: SimulatedOrder) -> Decimal:
    asked = order.asked.quote_quantity
    if asked is None or not was_canceled(order):
        return ZERO
    return max(asked - order.filled_notional, ZERO)


def _change(amount: Decimal) -> str:
    return to_text(amount) if amount else "0"
