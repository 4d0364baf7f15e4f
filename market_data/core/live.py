"""What is due of a live market, and what of it can be believed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from shared.domain.candle import Candle
from shared.domain.clock import EPOCH
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.values import to_text
from shared.domain.venue import TradingRules

WARM_CANDLES = 420  # the longest warm-up of the 86 features is 396
_TOO_LARGE = Decimal(10) ** 20


def last_close(now: datetime, interval: Interval) -> datetime:
    """Return the latest instant, not after `now`, at which a candle closes."""
    return now - (now - EPOCH) % interval.delta


def first_wanted(edge: datetime, interval: Interval, hours: float) -> datetime:
    """Return where a history begins that ends at `edge`: so many hours, and never too few."""
    candles = max(timedelta(hours=hours) // interval.delta, WARM_CANDLES)
    return edge - candles * interval.delta


def fault_of(candle: Candle, interval: Interval) -> str | None:
    """Return why this cannot be a closed candle of the interval, or None."""
    prices = (candle.open, candle.high, candle.low, candle.close)
    if candle.closed_at - candle.open_at != interval.delta:
        return f"lasts {candle.closed_at - candle.open_at}"
    if last_close(candle.open_at, interval) != candle.open_at:
        return f"is not on the {interval} grid"
    if not all(price.is_finite() and 0 < price < _TOO_LARGE for price in prices):
        return "a price is not positive, missing or too large"
    if not (candle.volume.is_finite() and 0 <= candle.volume < _TOO_LARGE):
        return "volume is negative, missing or too large"
    if candle.high < max(prices) or candle.low > min(prices):
        return "high or low does not contain open and close"
    return None


def by_instant(
    told: Iterable[Sequence[Candle]], after: datetime, until: datetime
) -> dict[datetime, tuple[Candle, ...]]:
    """Return the candles that closed in (after, until], by instant, oldest first, by symbol."""
    found: dict[datetime, dict[Symbol, Candle]] = {}
    for candles in told:
        for candle in candles:
            if after < candle.closed_at <= until:
                found.setdefault(candle.closed_at, {}).setdefault(candle.symbol, candle)
    return {
        closed_at: tuple(found[closed_at][symbol] for symbol in sorted(found[closed_at]))
        for closed_at in sorted(found)
    }


def disagreements(
    configured: Iterable[Instrument], listed: Mapping[Symbol, TradingRules]
) -> list[str]:
    """Return, in words, with which configured rules the venue would refuse orders."""
    found: list[str] = []
    for ours in configured:
        theirs = listed.get(ours.symbol)
        found += [f"{ours.symbol} is not listed"] if theirs is None else _finer(ours, theirs)
    return found


def _finer(ours: Instrument, theirs: TradingRules) -> list[str]:
    rules = theirs.instrument
    steps = (
        ("tick_size", ours.tick_size, rules.tick_size),
        ("lot_size", ours.lot_size, rules.lot_size),
    )
    found = [
        f"{ours.symbol} {name} is {to_text(step)} here, {to_text(listed)} there"
        for name, step, listed in steps
        if step % listed
    ]
    if ours.min_notional < rules.min_notional:
        here, there = to_text(ours.min_notional), to_text(rules.min_notional)
        found.append(f"{ours.symbol} min_notional is {here} here, {there} there")
    return found
