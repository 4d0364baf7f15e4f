"""The market's trades: the exchange knows candles, so every minute has one trade, its close."""

from datetime import datetime, timedelta
from typing import Any

from shared.domain.candle import Candle
from shared.domain.clock import EPOCH
from shared.domain.enums import Interval
from simulator.engine.model import Listing
from simulator.engine.port import ExchangePort
from simulator.wire.binance_us.documents import amount
from simulator.wire.binance_us.parameters import milliseconds

_MINUTE = timedelta(minutes=1)


def number_at(instant: datetime) -> int:
    """Return the number of the first trade that is not before an instant."""
    return -((EPOCH - instant) // _MINUTE)


def prints(
    exchange: ExchangePort, listing: Listing, first: int | None, rows: int, last: int | None = None
) -> list[tuple[int, Candle]]:
    """Return numbered trades of closed minutes, oldest first: from `first`, or the newest."""
    newest = int((exchange.now() - EPOCH) // _MINUTE) - 1
    end = newest if last is None else min(last, newest)
    start = max(end - rows + 1, 0) if first is None else first
    end = min(end, start + rows - 1)
    if start > end:
        return []
    candles = exchange.candles(
        listing.symbol, Interval.M1, EPOCH + start * _MINUTE, EPOCH + (end + 1) * _MINUTE
    )
    return [(number_at(one.open_at), one) for one in candles if one.volume]


def trade_print(number: int, candle: Candle) -> dict[str, Any]:
    return {
        "id": number,
        "price": amount(candle.close),
        "qty": amount(candle.volume),
        "quoteQty": amount(candle.close * candle.volume),
        "time": _at(candle),
        "isBuyerMaker": candle.close < candle.open,
        "isBestMatch": True,
    }


def aggregate_print(number: int, candle: Candle) -> dict[str, Any]:
    return {
        "a": number,
        "p": amount(candle.close),
        "q": amount(candle.volume),
        "f": number,
        "l": number,
        "T": _at(candle),
        "m": candle.close < candle.open,
        "M": True,
    }


def _at(candle: Candle) -> int:
    return milliseconds(candle.open_at)
