"""Orders and fills, from the venue's documents (rest-api.md, "Account endpoints")."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from shared.domain.enums import Liquidity, OrderStatus, OrderType, Side
from shared.domain.ids import ClientOrderId, Symbol, TradeId, VenueOrderId
from shared.domain.venue import OrderReport, VenueFill
from venues.reading import Document, Unreadable

T = TypeVar("T")

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_STATUSES = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIAL,
    "PENDING_CANCEL": OrderStatus.CANCELING,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
# others than ours may be of any type: named for what they become
_TYPES = {
    "LIMIT": OrderType.LIMIT,
    "LIMIT_MAKER": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP_LOSS": OrderType.MARKET,
    "TAKE_PROFIT": OrderType.MARKET,
    "STOP_LOSS_LIMIT": OrderType.STOP_LIMIT,
    "TAKE_PROFIT_LIMIT": OrderType.STOP_LIMIT,
}


def order_id(document: Document) -> VenueOrderId:
    number = document.integer()
    if number < 0 or isinstance(document.value, str):
        document.refuse("an order id")
    return VenueOrderId(str(number))


def accepted_id(document: Document, ours: ClientOrderId, venue_symbol: str) -> VenueOrderId:
    """Return the id of the order that a create reply is about, if it is ours.

    Raises:
        Unreadable: the reply is about something else, or names no order.
    """
    found = order_id(document["orderId"])
    expect(document["clientOrderId"], ours)
    expect(document["symbol"], venue_symbol)
    return found


def expect(document: Document, wanted: str) -> None:
    """Raise Unreadable where the answer is about another thing than was asked for."""
    if document.text() != wanted:
        document.refuse(f"'{wanted}', which was asked for")


def expect_id(document: Document, wanted: VenueOrderId) -> None:
    if order_id(document) != wanted:
        document.refuse(f"order {wanted}, which was asked for")


def order(document: Document, symbol: Symbol, venue_symbol: str) -> OrderReport:
    """Return one order as the queries and lists tell it."""
    return _report(document, symbol, venue_symbol, _heard_at(document), ())


def placed_order(document: Document, symbol: Symbol, venue_symbol: str) -> OrderReport:
    """Return the order of a create reply of the full form, with its first fills."""
    at = document["transactTime"].instant()
    found = _report(document, symbol, venue_symbol, at, ())
    fills = tuple(_first_fill(one, found, at) for one in document["fills"].items())
    return _report(document, symbol, venue_symbol, at, fills)


def fill(document: Document, symbol: Symbol, venue_symbol: str) -> VenueFill:
    """Return one execution of the account's trade list; it does not name our id."""
    expect(document["symbol"], venue_symbol)
    is_maker = document["isMaker"].boolean()
    return VenueFill(
        trade_id=trade_id(document["id"]),
        venue_order_id=order_id(document["orderId"]),
        client_order_id=None,
        symbol=symbol,
        side=Side.BUY if document["isBuyer"].boolean() else Side.SELL,
        quantity=document["qty"].positive(),
        price=document["price"].positive(),
        fee=document["commission"].amount(),
        fee_asset=document["commissionAsset"].text(20),
        liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
        filled_at=document["time"].instant(),
    )


def trade_id(document: Document) -> TradeId:
    number = document.integer()
    if number < 0 or isinstance(document.value, str):
        document.refuse("a trade id")
    return TradeId(str(number))


def _report(
    document: Document,
    symbol: Symbol,
    venue_symbol: str,
    at: datetime | None,
    fills: Sequence[VenueFill],
) -> OrderReport:
    expect(document["symbol"], venue_symbol)
    price = document["price"].amount()
    named = document.maybe("clientOrderId")
    return OrderReport(
        client_order_id=ClientOrderId(named.text()) if named and named.value != "" else None,
        venue_order_id=order_id(document["orderId"]),
        symbol=symbol,
        side=_one_of(_SIDES, document["side"]),
        order_type=_one_of(_TYPES, document["type"]),
        status=_one_of(_STATUSES, document["status"]),
        quantity=document["origQty"].amount(),
        limit_price=price or None,
        filled_quantity=document["executedQty"].amount(),
        at=at,
        fills=tuple(fills),
    )


def _heard_at(document: Document) -> datetime:
    changed = document.maybe("updateTime")
    return (changed or document["time"]).instant()


def _first_fill(document: Document, found: OrderReport, at: datetime) -> VenueFill:
    """Return an execution of a create reply: whatever fills at once has taken."""
    return VenueFill(
        trade_id=trade_id(document["tradeId"]),
        venue_order_id=found.venue_order_id,
        client_order_id=found.client_order_id,
        symbol=found.symbol,
        side=found.side,
        quantity=document["qty"].positive(),
        price=document["price"].positive(),
        fee=document["commission"].amount(),
        fee_asset=document["commissionAsset"].text(20),
        liquidity=Liquidity.TAKER,
        filled_at=at,
    )


def _one_of(table: dict[str, T], document: Document) -> T:
    word = document.text()
    if word not in table:
        raise Unreadable(f"{document.path} is unknown: {word[:40]!a}")
    return table[word]
