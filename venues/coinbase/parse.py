"""Documents about orders to values, and the fields all documents share.

Every function raises `Unreadable` where a document is not what Coinbase documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from shared.domain.enums import Liquidity, OrderStatus, OrderType, Side
from shared.domain.errors import BadInput
from shared.domain.ids import ClientOrderId, Symbol, TradeId, VenueOrderId
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, exact
from shared.domain.venue import OrderReport, VenueFill
from venues.reading import Document

T = TypeVar("T")

_TRADE_TYPES = frozenset({"FILL", "REVERSAL", "CORRECTION", "SYNTHETIC"})

SIDES: Mapping[str, Side] = {"BUY": Side.BUY, "SELL": Side.SELL}
_STATUSES: Mapping[str, OrderStatus] = {
    "PENDING": OrderStatus.OPEN,
    "QUEUED": OrderStatus.OPEN,
    "OPEN": OrderStatus.OPEN,
    "EDIT_QUEUED": OrderStatus.OPEN,
    "CANCEL_QUEUED": OrderStatus.CANCELING,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.REJECTED,
}
# by the name of an order's one configuration; the last four kinds are somebody else's orders
_TYPES: Mapping[str, OrderType] = {
    "market_market_ioc": OrderType.MARKET,
    "market_market_fok": OrderType.MARKET,
    "sor_limit_ioc": OrderType.LIMIT,
    "limit_limit_gtc": OrderType.LIMIT,
    "limit_limit_gtd": OrderType.LIMIT,
    "limit_limit_fok": OrderType.LIMIT,
    "stop_limit_stop_limit_gtc": OrderType.STOP_LIMIT,
    "stop_limit_stop_limit_gtd": OrderType.STOP_LIMIT,
    "trigger_bracket_gtc": OrderType.LIMIT,
    "trigger_bracket_gtd": OrderType.LIMIT,
    "twap_limit_gtd": OrderType.LIMIT,
    "scaled_limit_gtc": OrderType.LIMIT,
}
_LIQUIDITY: Mapping[str, Liquidity] = {
    "MAKER": Liquidity.MAKER,
    "TAKER": Liquidity.TAKER,
    "UNKNOWN_LIQUIDITY_INDICATOR": Liquidity.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configured:
    """`quantity` None: asked for in quote."""

    order_type: OrderType
    quantity: Decimal | None
    limit_price: Decimal | None


def choice(field: Document, meanings: Mapping[str, T]) -> T:
    word = field.text()
    if word not in meanings:
        field.refuse(f"one of {', '.join(meanings)}")
    return meanings[word]


def identifier(field: Document) -> str:
    """Return an id or a name: a text without spaces."""
    text = field.text()
    if not text.isascii() or " " in text:
        field.refuse("a name without spaces")
    return text


def money(field: Document) -> Decimal:
    """Return an amount as a table will hold it."""
    amount = field.amount()
    try:
        return exact(amount)
    except BadInput:
        field.refuse("an amount of money")


def above_zero(field: Document) -> Decimal:
    amount = money(field)
    if amount == 0:
        field.refuse("a number above zero")
    return amount


def product(field: Document) -> Symbol:
    """Return Coinbase's product id, which is our symbol."""
    name = identifier(field)
    try:
        split_symbol(name)
    except BadInput:
        field.refuse("a product")
    return Symbol(name)


def filled_in(document: Document, name: str) -> Document | None:
    """Return a field, None where it is absent, null or an empty text."""
    field = document.maybe(name)
    return None if field is None or field.value == "" else field


def order_report(order: Document) -> OrderReport:
    configured = _configured(order["order_configuration"])
    filled = money(order["filled_size"])
    ours = order["client_order_id"]  # always there: without it an order of ours would be nobody's
    at = filled_in(order, "last_fill_time") or order["created_time"]
    return OrderReport(
        client_order_id=None if ours.value == "" else ClientOrderId(identifier(ours)),
        venue_order_id=VenueOrderId(identifier(order["order_id"])),
        symbol=product(order["product_id"]),
        side=choice(order["side"], SIDES),
        order_type=configured.order_type,
        status=_status(order, configured, filled),
        quantity=filled if configured.quantity is None else configured.quantity,
        limit_price=configured.limit_price,
        filled_quantity=filled,
        at=at.iso_instant(),
    )


def created_at(order: Document) -> datetime:
    return order["created_time"].iso_instant()


def _configured(configuration: Document) -> _Configured:
    """Return what was asked for; the kind of an order is the name of its one configuration."""
    given = [kind for kind in _TYPES if configuration.maybe(kind) is not None]
    if len(given) != 1:
        configuration.refuse("exactly one known kind of order")
    details = configuration[given[0]]
    quantity = filled_in(details, "base_size")
    limit_price = filled_in(details, "limit_price")
    if quantity is None:
        above_zero(details["quote_size"])
    return _Configured(
        order_type=_TYPES[given[0]],
        quantity=quantity and above_zero(quantity),
        limit_price=limit_price and above_zero(limit_price),
    )


def _status(order: Document, configured: _Configured, filled: Decimal) -> OrderStatus:
    status = choice(order["status"], _STATUSES)
    pending_cancel = order.maybe("pending_cancel")
    match status:
        case OrderStatus.OPEN if pending_cancel is not None and pending_cancel.boolean():
            return OrderStatus.CANCELING
        case OrderStatus.OPEN if filled > 0:
            return OrderStatus.PARTIAL
        case OrderStatus.FILLED if _ended_early(order, configured, filled):
            return OrderStatus.CANCELED  # an IOC that filled in part may be called FILLED
        case OrderStatus.REJECTED if filled > 0:
            return OrderStatus.CANCELED  # it existed: something of it was filled
        case _:
            return status


def _ended_early(order: Document, configured: _Configured, filled: Decimal) -> bool:
    if configured.quantity is None or filled >= configured.quantity:
        return False
    completion = filled_in(order, "completion_percentage")
    return completion is not None and money(completion) < 100


def is_trade(document: Document) -> bool:
    """Tell a trade from what Coinbase has corrected by hand: a reversal takes back what we booked.

    Such a row is no execution of ours; what it does to the balances the books cannot explain, and
    that is how a person is called.
    """
    kind = document["trade_type"]
    if kind.text() not in _TRADE_TYPES:
        kind.refuse(f"one of {', '.join(sorted(_TRADE_TYPES))}")
    return kind.text() == "FILL"


def fill(document: Document) -> VenueFill:
    """Return one execution; its fee is in quote."""
    if not is_trade(document):
        document["trade_type"].refuse("FILL")
    symbol = product(document["product_id"])
    price = above_zero(document["price"])
    quantity = above_zero(document["size"])
    in_quote = document.maybe("size_in_quote")
    if in_quote is not None and in_quote.boolean():
        quantity = _in_base(document["size"], quantity, price)
    return VenueFill(
        trade_id=TradeId(identifier(document["trade_id"])),
        venue_order_id=VenueOrderId(identifier(document["order_id"])),
        client_order_id=None,
        symbol=symbol,
        side=choice(document["side"], SIDES),
        quantity=quantity,
        price=price,
        fee=money(document["commission"]),
        fee_asset=split_symbol(symbol)[1],
        liquidity=choice(document["liquidity_indicator"], _LIQUIDITY),
        filled_at=document["trade_time"].iso_instant(),
    )


def _in_base(field: Document, notional: Decimal, price: Decimal) -> Decimal:
    try:
        quantity = exact(MONEY.divide(notional, price))
    except BadInput:
        field.refuse("an amount of quote at this price")
    if quantity == 0:
        field.refuse("more than nothing at this price")
    return quantity


def next_cursor(page: Document, *, is_empty: bool = False) -> str | None:
    """Return where the next page begins, None on the last.

    `has_next` decides; lists without it (fills) end where the cursor or the page is empty.
    """
    has_next = page.maybe("has_next")
    if has_next is None:
        page["cursor"]  # a list that says nothing of its pages may be any part of the whole
        cursor = filled_in(page, "cursor")
        return None if is_empty or cursor is None else identifier(cursor)
    return identifier(page["cursor"]) if has_next.boolean() else None
