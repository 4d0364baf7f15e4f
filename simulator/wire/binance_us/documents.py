"""Orders, executions and accounts as the venue writes them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from shared.domain.enums import Liquidity, OrderType, Side, TimeInForce
from shared.domain.values import ZERO, to_text
from simulator.engine.model import Execution, Funds, House, Listing, SimulatedOrder, State
from simulator.wire.binance_us.house import DECIMALS
from simulator.wire.binance_us.parameters import milliseconds

_NO_LIST = -1
_STATUS = {
    State.PENDING: "NEW",
    State.OPEN: "NEW",
    State.FILLED: "FILLED",
    State.CANCELED: "CANCELED",
    State.EXPIRED: "EXPIRED",
}


def amount(value: Decimal) -> str:
    """Return eight decimals; more only where the amount itself has more."""
    rounded = round(value, DECIMALS)
    return f"{rounded:f}" if rounded == value else to_text(value)


def type_name(order: SimulatedOrder) -> str:
    asked = order.asked
    if asked.order_type is OrderType.STOP_LIMIT:
        return "STOP_LOSS_LIMIT"
    if asked.is_post_only:
        return "LIMIT_MAKER"
    return asked.order_type.name


def time_in_force_name(order: SimulatedOrder) -> str:
    is_market = order.asked.order_type is OrderType.MARKET
    return "GTC" if is_market else order.asked.time_in_force.name


def status_name(order: SimulatedOrder) -> str:
    """An IOC, FOK or market order that ends unfilled has EXPIRED, whatever filled of it before."""
    is_immediate = order.asked.order_type is OrderType.MARKET or order.asked.time_in_force in (
        TimeInForce.IOC,
        TimeInForce.FOK,
    )
    if order.state is State.CANCELED and is_immediate:
        return "EXPIRED"
    if order.state is State.OPEN and order.executions:
        return "PARTIALLY_FILLED"
    return _STATUS[order.state]


def _terms(order: SimulatedOrder) -> dict[str, Any]:
    """Return what every document on an order says, without stop, times and fills."""
    return {
        "price": amount(order.asked.limit_price or ZERO),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.filled_quantity),
        "cummulativeQuoteQty": amount(order.filled_notional),
        "status": status_name(order),
        "timeInForce": time_in_force_name(order),
        "type": type_name(order),
        "side": order.asked.side.name,
    }


def _identity(order: SimulatedOrder, symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "orderId": order.number,
        "orderListId": _NO_LIST,
        "clientOrderId": order.asked.client_order_id,
    }


def order_document(order: SimulatedOrder, symbol: str) -> dict[str, Any]:
    """Return an order as it is asked for and listed."""
    accepted = milliseconds(order.accepted_at)
    return {
        **_identity(order, symbol),
        **_terms(order),
        "stopPrice": amount(order.asked.stop_price or ZERO),
        "icebergQty": amount(ZERO),
        "time": accepted,
        "updateTime": milliseconds(order.updated_at),
        "isWorking": order.state is not State.PENDING,
        "origQuoteOrderQty": amount(order.asked.quote_quantity or ZERO),
        "workingTime": _NO_LIST if order.state is State.PENDING else accepted,
        "selfTradePreventionMode": "NONE",
    }


def _stop(order: SimulatedOrder) -> dict[str, Any]:
    stop = order.asked.stop_price
    return {} if stop is None else {"stopPrice": amount(stop)}


def placed_document(order: SimulatedOrder, symbol: str, detail: str) -> dict[str, Any]:
    """Return the answer to a new order; `detail` is ACK, RESULT or FULL."""
    acknowledged = {**_identity(order, symbol), "transactTime": milliseconds(order.updated_at)}
    if detail == "ACK":
        return acknowledged
    result = {
        **acknowledged,
        **_terms(order),
        **_stop(order),
        "workingTime": _NO_LIST
        if order.state is State.PENDING
        else milliseconds(order.accepted_at),
        "selfTradePreventionMode": "NONE",
    }
    if detail == "RESULT":
        return result
    return {**result, "fills": [_fill(one) for one in order.executions]}


def _fill(execution: Execution) -> dict[str, Any]:
    return {
        "price": amount(execution.price),
        "qty": amount(execution.quantity),
        "commission": amount(execution.fee),
        "commissionAsset": execution.fee_asset,
        "tradeId": int(execution.trade_id),
    }


def canceled_document(order: SimulatedOrder, symbol: str, cancel_id: str) -> dict[str, Any]:
    """The cancel has a client id of its own; the order's is `origClientOrderId`."""
    return {
        "symbol": symbol,
        "origClientOrderId": order.asked.client_order_id,
        "orderId": order.number,
        "orderListId": _NO_LIST,
        "clientOrderId": cancel_id,
        **_terms(order),
        **_stop(order),
        "selfTradePreventionMode": "NONE",
    }


def trade_document(execution: Execution, symbol: str, number: int) -> dict[str, Any]:
    """Return one execution of the order with this number."""
    return {
        "symbol": symbol,
        "id": int(execution.trade_id),
        "orderId": number,
        "orderListId": _NO_LIST,
        "price": amount(execution.price),
        "qty": amount(execution.quantity),
        "quoteQty": amount(execution.quantity * execution.price),
        "commission": amount(execution.fee),
        "commissionAsset": execution.fee_asset,
        "time": milliseconds(execution.at),
        "isBuyer": execution.side is Side.BUY,
        "isMaker": execution.liquidity is Liquidity.MAKER,
        "isBestMatch": True,
    }


def account_document(
    house: House, funds: Mapping[str, Funds], rights: tuple[bool, bool], updated: int
) -> dict[str, Any]:
    """Return the account; `rights` are whether it may trade and withdraw."""
    may_trade, may_withdraw = rights
    return {
        "makerCommission": int(house.maker_ratio * 10_000),
        "takerCommission": int(house.taker_ratio * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {
            "maker": amount(house.maker_ratio),
            "taker": amount(house.taker_ratio),
            "buyer": amount(ZERO),
            "seller": amount(ZERO),
        },
        "canTrade": may_trade,
        "canWithdraw": may_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "updateTime": updated,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": amount(one.available), "locked": amount(one.held)}
            for asset, one in sorted(funds.items())
        ],
        "permissions": ["SPOT"],
        "tradeGroupId": 2,
    }


def fee_documents(listings: Sequence[Listing], house: House) -> list[dict[str, Any]]:
    return [
        {
            "symbol": f"{listing.base}{listing.quote}",
            "makerCommission": to_text(house.maker_ratio),
            "takerCommission": to_text(house.taker_ratio),
        }
        for listing in listings
    ]
