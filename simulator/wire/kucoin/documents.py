"""Orders, fills and accounts as KuCoin writes them: amounts as text, instants in milliseconds."""

from decimal import Decimal
from hashlib import sha256
from typing import Any

from shared.domain.enums import OrderType, TimeInForce
from shared.domain.values import ZERO, to_text
from simulator.engine.model import Execution, Funds, SimulatedOrder, State
from simulator.wire.kucoin.desk import UNNAMED, Note
from simulator.wire.kucoin.moments import milliseconds

Document = dict[str, Any]

_IN_FORCE = {
    TimeInForce.GTC: "GTC",
    TimeInForce.GTD: "GTT",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
}


def order_document(order: SimulatedOrder, note: Note, quote: str) -> Document:
    """Return an order as the single query and all lists show it; a fee is always in quote."""
    asked = order.asked
    size, funds = size_of(order), _funds_of(order)
    deal_size, deal_funds = order.filled_quantity, order.filled_notional
    left_size, left_funds = max(size - deal_size, ZERO), max(funds - deal_funds, ZERO)
    is_canceled, is_filled = was_canceled(order), order.state is State.FILLED
    return {
        "id": order.venue_order_id,
        "clientOid": client_id_of(order),
        "symbol": asked.symbol,
        "opType": "DEAL",
        "type": asked.order_type.value,
        "side": asked.side.value,
        "price": to_text(asked.limit_price or ZERO),
        "size": to_text(size),
        "funds": to_text(funds),
        "dealSize": to_text(deal_size),
        "dealFunds": to_text(deal_funds),
        "remainSize": to_text(ZERO if is_canceled or is_filled else left_size),
        "remainFunds": to_text(ZERO if is_canceled else left_funds),
        "cancelledSize": to_text(left_size if is_canceled else ZERO),
        "cancelledFunds": to_text(left_funds if is_canceled else ZERO),
        "fee": to_text(order.fees.get(quote, ZERO)),
        "feeCurrency": quote,
        "stp": note.stp,
        "timeInForce": _time_in_force(order),
        "postOnly": asked.is_post_only,
        "hidden": note.is_hidden,
        "iceberg": note.is_iceberg,
        "visibleSize": note.visible_size,
        "cancelAfter": _cancel_after(order),
        "channel": "API",
        "remark": note.remark,
        "tags": note.tags,
        "cancelExist": is_canceled,
        "tradeType": "TRADE",
        "inOrderBook": order.state is State.OPEN,
        "active": not order.state.is_over,
        "tax": "0",
        "createdAt": milliseconds(order.accepted_at),
        "lastUpdatedAt": milliseconds(order.updated_at),
    }


def acknowledgement(order: SimulatedOrder) -> Document:
    """Return what a client hears of an order that it has just placed."""
    document: Document = {"orderId": order.venue_order_id}
    if client_id_of(order):
        document["clientOid"] = client_id_of(order)
    return document


def sizes(order: SimulatedOrder) -> Document:
    """Return the sizes that the endpoints which wait for the match add to their answers."""
    size, deal_size = size_of(order), order.filled_quantity
    left = max(size - deal_size, ZERO)
    return {
        "originSize": to_text(size),
        "dealSize": to_text(deal_size),
        "remainSize": to_text(ZERO if order.state.is_over else left),
        "canceledSize": to_text(left if was_canceled(order) else ZERO),
        "status": "done" if order.state.is_over else "open",
    }


def synchronous_acknowledgement(order: SimulatedOrder) -> Document:
    return (
        acknowledgement(order)
        | {"orderTime": milliseconds(order.accepted_at)}
        | sizes(order)
        | {"matchTime": milliseconds(order.updated_at)}
    )


def fill_document(fill: Execution, order_type: OrderType, ratio: Decimal) -> Document:
    """Return one execution; `ratio` is the fee's of the notional."""
    return {
        "id": trade_number(fill.trade_id),
        "orderId": fill.venue_order_id,
        "counterOrderId": sha256(f"counter|{fill.trade_id}".encode()).hexdigest()[:24],
        "tradeId": trade_number(fill.trade_id),
        "symbol": fill.symbol,
        "side": fill.side.value,
        "liquidity": fill.liquidity.value,
        "type": order_type.value,
        "forceTaker": False,
        "price": to_text(fill.price),
        "size": to_text(fill.quantity),
        "funds": to_text(fill.price * fill.quantity),
        "fee": to_text(fill.fee),
        "feeRate": to_text(ratio),
        "feeCurrency": fill.fee_asset,
        "stop": "",
        "tradeType": "TRADE",
        "taxRate": "0",
        "tax": "0",
        "createdAt": milliseconds(fill.at),
    }


def account_document(account: str, kind: str, currency: str, funds: Funds) -> Document:
    return {
        "id": account_number(account, kind, currency),
        "currency": currency,
        "type": kind,
        "balance": to_text(funds.available + funds.held),
        "available": to_text(funds.available),
        "holds": to_text(funds.held),
    }


def account_number(account: str, kind: str, currency: str) -> str:
    return sha256(f"{account}|{kind}|{currency}".encode()).hexdigest()[:24]


def trade_number(trade_id: str) -> int:
    """Return a trade id as the whole number that KuCoin's are."""
    if trade_id.isascii() and trade_id.isdigit():
        return int(trade_id)
    return int(sha256(trade_id.encode()).hexdigest()[:13], 16)


def client_id_of(order: SimulatedOrder) -> str:
    given = order.asked.client_order_id
    return "" if given.startswith(UNNAMED) else given


def size_of(order: SimulatedOrder) -> Decimal:
    """Return the size asked for: 0 where the order named funds instead."""
    return order.asked.quantity or ZERO


def was_canceled(order: SimulatedOrder) -> bool:
    """KuCoin knows no expired orders: whatever ends unfilled was canceled."""
    return order.state in (State.CANCELED, State.EXPIRED)


def _funds_of(order: SimulatedOrder) -> Decimal:
    asked = order.asked
    if asked.quote_quantity is not None:
        return asked.quote_quantity
    return size_of(order) * (asked.limit_price or ZERO)


def _time_in_force(order: SimulatedOrder) -> str:
    if order.asked.order_type is OrderType.MARKET:
        return "GTC"
    return _IN_FORCE[order.asked.time_in_force]


def _cancel_after(order: SimulatedOrder) -> int:
    until = order.asked.good_until
    if until is None:
        return 0
    return round((until - order.accepted_at).total_seconds())
