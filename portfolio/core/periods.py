"""Days, weeks and months in UTC, and what an account earned in each."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from shared.domain.errors import BadInput
from shared.domain.values import MONEY, ZERO, exact

MOST_PERIODS = 1000
_HALF = Decimal("0.5")
_TICK = timedelta(microseconds=1)


class PeriodLength(StrEnum):
    """A week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The account at one instant; `contributed` is what was paid in so far, less what went out."""

    as_of: datetime
    equity: Decimal
    contributed: Decimal
    realized_pnl: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodProfit:
    """What happened after `start` and up to `end`; a candle that closes at midnight ends the day.

    `gain` is what the equity grew by beside payments. `return_ratio` is modified Dietz: the gain
    over the first equity and half of what was paid in or out; None where that is nothing.
    """

    start: datetime
    end: datetime
    equity_start: Decimal
    equity_end: Decimal
    paid_in: Decimal
    gain: Decimal
    realized_pnl: Decimal
    fees: Decimal
    trades: int
    return_ratio: Decimal | None


def floor_of(by: PeriodLength, at: datetime) -> datetime:
    """Return the last edge between two periods that is not after an instant."""
    day = datetime(at.year, at.month, at.day, tzinfo=UTC)
    match by:
        case PeriodLength.DAY:
            return day
        case PeriodLength.WEEK:
            return day - timedelta(days=day.weekday())
        case PeriodLength.MONTH:
            return day.replace(day=1)


def start_of(by: PeriodLength, at: datetime) -> datetime:
    """Return where the period of a mark begins; one made at an edge ends the period before it."""
    return floor_of(by, at - _TICK)


def end_of(by: PeriodLength, start: datetime) -> datetime:
    match by:
        case PeriodLength.DAY:
            return start + timedelta(days=1)
        case PeriodLength.WEEK:
            return start + timedelta(days=7)
        case PeriodLength.MONTH:
            return (start + timedelta(days=31)).replace(day=1)


def back(by: PeriodLength, last: datetime, count: int) -> datetime:
    """Return where the first of `count` periods begins, the last of which has a mark at `last`."""
    start = start_of(by, last)
    for _ in range(count - 1):
        start = start_of(by, start)
    return start


def edges(by: PeriodLength, first: datetime, last: datetime) -> tuple[datetime, ...]:
    """Return the edges from `first`, which is one, to the first that is not before `last`.

    Raises:
        BadInput: there are more than `MOST_PERIODS` periods between them.
    """
    found = [first]
    while found[-1] < last:
        if len(found) > MOST_PERIODS:
            raise BadInput("from", f"more than {MOST_PERIODS} {by}s", "ask for a shorter time")
        found.append(end_of(by, found[-1]))
    return tuple(found)


def profits(
    standings: Sequence[Standing], ends: Sequence[datetime], closed_at: Sequence[datetime]
) -> Iterator[PeriodProfit]:
    """Yield the periods between neighbouring edges, the oldest first.

    `standings` are those at the edges `ends`; `closed_at`: when round trips closed, in order.
    """
    for (start, before), (end, after) in pairwise(zip(ends, standings, strict=True)):
        trades = bisect_right(closed_at, end) - bisect_right(closed_at, start)
        yield _profit((start, end), before, after, trades)


def _profit(
    span: tuple[datetime, datetime], before: Standing, after: Standing, trades: int
) -> PeriodProfit:
    paid = exact(MONEY.subtract(after.contributed, before.contributed))
    gain = exact(MONEY.subtract(MONEY.subtract(after.equity, before.equity), paid))
    base = MONEY.add(before.equity, MONEY.multiply(_HALF, paid))
    return PeriodProfit(
        start=span[0],
        end=span[1],
        equity_start=before.equity,
        equity_end=after.equity,
        paid_in=paid,
        gain=gain,
        realized_pnl=exact(MONEY.subtract(after.realized_pnl, before.realized_pnl)),
        fees=exact(MONEY.subtract(after.fees, before.fees)),
        trades=trades,
        return_ratio=exact(MONEY.divide(gain, base)) if base > ZERO else None,
    )
