"""What the market shows: book, candles and the figures of the last day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.domain.candle import Candle
from shared.domain.clock import EPOCH
from shared.domain.enums import Interval
from shared.domain.values import ZERO
from simulator.engine.model import Depth, Listing
from simulator.engine.port import ExchangePort
from simulator.wire.binance_us.documents import amount
from simulator.wire.binance_us.listings import venue_symbol
from simulator.wire.binance_us.parameters import milliseconds

_DAY = timedelta(days=1)
_LONGEST_MONTH = timedelta(days=31)
HISTORY = timedelta(days=500)
_HUNDRED = Decimal(100)
_MONDAY = EPOCH + timedelta(days=4)
# venue interval: the candles it is made of, how many of them, where counting starts
_MADE_OF: dict[str, tuple[Interval, int, datetime]] = {
    "1m": (Interval.M1, 1, EPOCH),
    "3m": (Interval.M1, 3, EPOCH),
    "5m": (Interval.M5, 1, EPOCH),
    "15m": (Interval.M15, 1, EPOCH),
    "30m": (Interval.M30, 1, EPOCH),
    "1h": (Interval.H1, 1, EPOCH),
    "2h": (Interval.H1, 2, EPOCH),
    "4h": (Interval.H4, 1, EPOCH),
    "6h": (Interval.H1, 6, EPOCH),
    "8h": (Interval.H4, 2, EPOCH),
    "12h": (Interval.H4, 3, EPOCH),
    "1d": (Interval.D1, 1, EPOCH),
    "3d": (Interval.D1, 3, EPOCH),
    "1w": (Interval.D1, 7, _MONDAY),
}
_MONTH = "1M"
INTERVALS = frozenset({*_MADE_OF, _MONTH})


def _slot(at: datetime, length: timedelta, origin: datetime) -> datetime:
    """Return when the candle that `at` falls into opens."""
    return origin + (at - origin) // length * length


def klines(
    exchange: ExchangePort,
    listing: Listing,
    interval: str,
    span: tuple[datetime | None, datetime | None],
    rows: int,
) -> list[list[Any]]:
    """Return candles that open from start to end, both included, oldest first.

    Without a start the newest of them are meant, otherwise the oldest. There are none from before
    the listing, which is taken to be `HISTORY` ago.
    """
    if interval == _MONTH:
        return _months(exchange, listing, span, rows)
    part, count, origin = _MADE_OF[interval]
    length = part.delta * count
    start, end = span
    listed = _slot(exchange.now() - HISTORY, length, origin)
    last = min(end or exchange.now(), exchange.now())
    after = _slot(last, length, origin) + length
    if start is None:
        first = max(after - rows * length, listed)
    else:
        first = _slot(start - timedelta(milliseconds=1), length, origin) + length
        first = max(first, listed)
        after = min(after, first + rows * length)
    if first >= after:
        return []
    parts = exchange.candles(listing.symbol, part, first, after)
    return [_kline(group, length) for group in _groups(parts, length, origin)]


def _months(
    exchange: ExchangePort,
    listing: Listing,
    span: tuple[datetime | None, datetime | None],
    rows: int,
) -> list[list[Any]]:
    """Return what `klines` does, for months of the calendar."""
    start, end = span
    last = min(end or exchange.now(), exchange.now())
    earliest = max(start or EPOCH, exchange.now() - HISTORY)
    opens = [_month_of(last)]
    while opens[-1] > earliest and (start is not None or len(opens) < rows):
        opens.append(_month_of(opens[-1] - _DAY))
    chosen = sorted(one for one in opens if start is None or one >= start)[:rows]
    if not chosen:
        return []
    after = _month_of(chosen[-1] + _LONGEST_MONTH)
    months: dict[datetime, list[Candle]] = {}
    for one in exchange.candles(listing.symbol, Interval.D1, chosen[0], after):
        months.setdefault(_month_of(one.open_at), []).append(one)
    return [
        _kline(one, _month_of(one[0] + _LONGEST_MONTH) - one[0]) for one in sorted(months.items())
    ]


def _month_of(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _groups(
    parts: Sequence[Candle], length: timedelta, origin: datetime
) -> list[tuple[datetime, list[Candle]]]:
    groups: dict[datetime, list[Candle]] = {}
    for candle in parts:
        groups.setdefault(_slot(candle.open_at, length, origin), []).append(candle)
    return sorted(groups.items())


def _kline(group: tuple[datetime, list[Candle]], length: timedelta) -> list[Any]:
    """Takers are taken to have bought one half; a trade is made per tenth of the volume."""
    open_at, parts = group
    volume = sum((one.volume for one in parts), ZERO)
    turnover = sum((_turnover(one) for one in parts), ZERO)
    return [
        milliseconds(open_at),
        amount(parts[0].open),
        amount(max(one.high for one in parts)),
        amount(min(one.low for one in parts)),
        amount(parts[-1].close),
        _rounded(volume),
        milliseconds(open_at + length) - 1,
        _rounded(turnover),
        _trades(volume),
        _rounded(volume / 2),
        _rounded(turnover / 2),
        "0",
    ]


def _turnover(candle: Candle) -> Decimal:
    return candle.volume * (candle.open + candle.high + candle.low + candle.close) / 4


def _trades(volume: Decimal) -> int:
    return int(volume * 10) + 1 if volume else 0


def _rounded(value: Decimal) -> str:
    return f"{round(value, 8):f}"


def depth_document(depth: Depth, rows: int) -> dict[str, Any]:
    return {
        "lastUpdateId": milliseconds(depth.at),
        "bids": [[amount(price), amount(quantity)] for price, quantity in depth.bids[:rows]],
        "asks": [[amount(price), amount(quantity)] for price, quantity in depth.asks[:rows]],
    }


def _best(levels: Sequence[tuple[Decimal, Decimal]]) -> tuple[Decimal, Decimal]:
    return levels[0] if levels else (ZERO, ZERO)


def book_ticker(exchange: ExchangePort, listing: Listing) -> dict[str, Any]:
    depth = exchange.depth(listing.symbol)
    (bid, bid_quantity), (ask, ask_quantity) = _best(depth.bids), _best(depth.asks)
    return {
        "symbol": venue_symbol(listing),
        "bidPrice": amount(bid),
        "bidQty": amount(bid_quantity),
        "askPrice": amount(ask),
        "askQty": amount(ask_quantity),
    }


def price_ticker(exchange: ExchangePort, listing: Listing) -> dict[str, Any]:
    return {"symbol": venue_symbol(listing), "price": amount(_last_price(exchange, listing))}


def average_price(exchange: ExchangePort, listing: Listing) -> dict[str, Any]:
    return {"mins": 5, "price": amount(_last_price(exchange, listing))}


def _last_price(exchange: ExchangePort, listing: Listing) -> Decimal:
    now = exchange.now()
    candles = exchange.candles(
        listing.symbol, Interval.M1, now - timedelta(minutes=2), now + timedelta(minutes=1)
    )
    return candles[-1].close if candles else _best(exchange.depth(listing.symbol).asks)[0]


def day_ticker(exchange: ExchangePort, listing: Listing) -> dict[str, Any]:
    """Return the figures of the last 24 hours, from candles of 15 minutes."""
    now = exchange.now()
    candles = exchange.candles(listing.symbol, Interval.M15, now - _DAY, now)
    book = book_ticker(exchange, listing)
    last = _last_price(exchange, listing)
    first = candles[0].open if candles else last
    volume = sum((one.volume for one in candles), ZERO)
    turnover = sum((_turnover(one) for one in candles), ZERO)
    trades = _trades(volume)
    return {
        "symbol": book["symbol"],
        "priceChange": amount(last - first),
        "priceChangePercent": f"{(last - first) / first * _HUNDRED if first else ZERO:.3f}",
        "weightedAvgPrice": _rounded(turnover / volume if volume else last),
        "prevClosePrice": amount(first),
        "lastPrice": amount(last),
        "lastQty": book["askQty"],
        "bidPrice": book["bidPrice"],
        "bidQty": book["bidQty"],
        "askPrice": book["askPrice"],
        "askQty": book["askQty"],
        "openPrice": amount(first),
        "highPrice": amount(max((one.high for one in candles), default=last)),
        "lowPrice": amount(min((one.low for one in candles), default=last)),
        "volume": _rounded(volume),
        "quoteVolume": _rounded(turnover),
        "openTime": milliseconds(now - _DAY),
        "closeTime": milliseconds(now),
        "firstId": 1,
        "lastId": trades,
        "count": trades,
    }
