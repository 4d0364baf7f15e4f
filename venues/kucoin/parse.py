"""KuCoin's documents as values; whatever is not as documented raises `Unreadable`.

What is read is the `data` of an envelope. Instants are milliseconds, except those of candles
(seconds) and of the private stream, of which nothing but ids is read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from shared.domain.candle import Candle
from shared.domain.enums import Interval, Liquidity, OrderStatus, OrderType, Side
from shared.domain.ids import ClientOrderId, Symbol, TradeId, VenueOrderId
from shared.domain.venue import (
    Balance,
    FeeRates,
    KeyPermissions,
    OrderRef,
    OrderReport,
    TopOfBook,
    VenueFill,
)
from venues.reading import Document, Unreadable

T = TypeVar("T")

_SECOND = timedelta(seconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_TYPES = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}
_LIQUIDITIES = {"maker": Liquidity.MAKER, "taker": Liquidity.TAKER}
_TRADING = "trade"  # the account orders spend from; deposits land in "main"


def word(document: Document) -> str:
    """Return an id or a name; ids may come as numbers."""
    if isinstance(document.value, int) and not isinstance(document.value, bool):
        return str(document.value)
    text = document.text(100)
    if not text.isascii() or " " in text:
        document.refuse("an id")
    return text


def server_time(data: Document) -> datetime:
    return data.instant(_MILLISECOND)


def created_order_id(data: Document, client_order_id: str) -> VenueOrderId:
    """Return the id of a new order; where the venue repeats our id, it must be ours."""
    told = data.maybe("clientOid")
    if told is not None and told.text() != client_order_id:
        told.refuse("the id of this order")
    return VenueOrderId(word(data["orderId"]))


def order(data: Document) -> OrderReport:
    """Return one order; its state follows from what is active, filled and canceled."""
    size = data["size"].amount()
    filled = data["dealSize"].amount()
    price = _optional_amount(data, "price")
    client_order_id = data.maybe("clientOid")
    return OrderReport(
        client_order_id=ClientOrderId(word(client_order_id))
        if client_order_id is not None and client_order_id.value != ""
        else None,
        venue_order_id=VenueOrderId(word(data["id"])),
        symbol=Symbol(word(data["symbol"])),
        side=_choice(data["side"], _SIDES),
        order_type=_choice(data["type"], _TYPES),
        status=_status(data, size, filled),
        quantity=size or filled,  # an order over quote funds has no size
        limit_price=price or None,
        filled_quantity=filled,
        at=data["lastUpdatedAt"].instant(_MILLISECOND),
    )


def placed_order(data: Document) -> tuple[datetime, OrderReport]:
    """Return an order and when it was placed."""
    return data["createdAt"].instant(_MILLISECOND), order(data)


def asked_order(data: Document, asked: OrderRef) -> OrderReport:
    """Return the order that was asked for, and no other."""
    told = order(data)
    if asked.client_order_id and told.client_order_id != asked.client_order_id:
        data["clientOid"].refuse("the id that was asked for")
    if told.symbol != asked.symbol:
        data["symbol"].refuse("the instrument that was asked for")
    return told


def rows(data: Document) -> Sequence[Document]:
    return list(data.items())


def active_symbols(data: Document) -> Sequence[Symbol]:
    return [Symbol(word(one)) for one in rows(data["symbols"])]


def _status(data: Document, size: Decimal, filled: Decimal) -> OrderStatus:
    is_canceled = data["cancelExist"].boolean()
    if data["active"].boolean():
        if is_canceled:
            return OrderStatus.CANCELING
        return OrderStatus.PARTIAL if filled else OrderStatus.OPEN
    is_whole = filled >= size if size else not is_canceled
    return OrderStatus.FILLED if filled and is_whole else OrderStatus.CANCELED


def fill(data: Document, client_order_id: ClientOrderId | None) -> VenueFill:
    """Return one execution by the venue's `id`: its `tradeId` is unique per instrument only."""
    return VenueFill(
        trade_id=TradeId(word(data["id"])),
        venue_order_id=VenueOrderId(word(data["orderId"])),
        client_order_id=client_order_id,
        symbol=Symbol(word(data["symbol"])),
        side=_choice(data["side"], _SIDES),
        quantity=data["size"].positive(),
        price=data["price"].positive(),
        fee=data["fee"].decimal(),  # below zero where the venue pays a maker
        fee_asset=word(data["feeCurrency"]),
        liquidity=_choice(data["liquidity"], _LIQUIDITIES),
        filled_at=data["createdAt"].instant(_MILLISECOND),
    )


def balances(data: Document) -> Sequence[Balance]:
    return [
        Balance(
            asset=word(account["currency"]),
            available=account["available"].amount(),
            held=account["holds"].amount(),
        )
        for account in data.items()
        if account["type"].text() == _TRADING
    ]


def top_of_book(data: Document, symbol: Symbol, heard_at: datetime) -> TopOfBook:
    return TopOfBook(
        symbol=symbol,
        bid=data["bestBid"].positive(),
        bid_quantity=data["bestBidSize"].amount(),
        ask=data["bestAsk"].positive(),
        ask_quantity=data["bestAskSize"].amount(),
        at=heard_at,
    )


def fee_rates(data: Document, symbol: Symbol) -> FeeRates:
    for rates in data.items():
        if rates["symbol"].text() == symbol:
            return FeeRates(
                maker=rates["makerFeeRate"].decimal(), taker=rates["takerFeeRate"].decimal()
            )
    raise Unreadable(f"{data.path} says nothing about {symbol}")


def key_permissions(data: Document) -> KeyPermissions:
    """Return what a key may do; "Transfer" includes withdrawals (KuCoin's page about keys)."""
    words = {part.strip().lower() for part in data["permission"].text(500).split(",")}
    whitelist = data.maybe("ipWhitelist")
    return KeyPermissions(
        may_read="general" in words,
        may_trade=bool(words & {"spot", "trade"}),
        may_withdraw="transfer" in words or any("withdraw" in one for one in words),
        is_ip_restricted=whitelist is not None and whitelist.value != "",
    )


def candle(data: Document, symbol: Symbol, interval: Interval) -> Candle:
    """Return one row: time, open, close, high, low, volume in base, turnover in quote."""
    row = list(data.items())
    if len(row) < 6:
        data.refuse("a row of a candle")
    open_at = row[0].instant(_SECOND)
    made = Candle(
        symbol=symbol,
        open_at=open_at,
        closed_at=open_at + interval.delta,
        open=row[1].positive(),
        close=row[2].positive(),
        high=row[3].positive(),
        low=row[4].positive(),
        volume=row[5].amount(),
    )
    if not made.low <= min(made.open, made.close) <= max(made.open, made.close) <= made.high:
        data.refuse("a candle: its prices lie outside its range")
    return made


def _optional_amount(data: Document, name: str) -> Decimal | None:
    field = data.maybe(name)
    return None if field is None or field.value == "" else field.amount()


def _choice(document: Document, meanings: Mapping[str, T]) -> T:
    meaning = meanings.get(document.text())
    if meaning is None:
        document.refuse(f"one of {', '.join(meanings)}")
    return meaning
