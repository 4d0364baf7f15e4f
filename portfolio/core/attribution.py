"""Whose profit it was: closed round trips by instrument and by the source of their entries."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from heapq import nlargest, nsmallest

from portfolio.core.equity import total
from portfolio.core.flow import times
from portfolio.core.outcomes import profit_factor, win_rate
from portfolio.core.trades import RoundTrip

BESIDE = "beside our fills"
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What the closed round trips of one name came to, in quote; `traded` is what they moved."""

    name: str
    trades: int
    win_rate: float | None
    profit_factor: float | None
    pnl: Decimal
    fees: Decimal
    slippage: Decimal
    traded: Decimal


def by_symbol(trips: Iterable[RoundTrip]) -> tuple[Share, ...]:
    return _shares(trips, lambda trip: trip.symbol)


def by_source(trips: Iterable[RoundTrip]) -> tuple[Share, ...]:
    return _shares(trips, source_of)


def source_of(trip: RoundTrip) -> str:
    """Return who believed in a trip's entry: not every trip is one of ours."""
    if trip.origin:
        return trip.origin
    return UNKNOWN if trip.decision_id is not None else BESIDE


def together(trips: Sequence[RoundTrip], name: str = "all") -> Share:
    profits = [trip.pnl for trip in trips]
    return Share(
        name=name,
        trades=len(trips),
        win_rate=win_rate(profits),
        profit_factor=profit_factor(profits),
        pnl=total(profits),
        fees=total(trip.fees for trip in trips),
        slippage=total(trip.slippage for trip in trips),
        traded=total(amount for trip in trips for amount in (trip.cost, trip.proceeds)),
    )


def best(trips: Iterable[RoundTrip], count: int) -> tuple[RoundTrip, ...]:
    """Return those that won most, the best one first."""
    return tuple(nlargest(count, (trip for trip in trips if trip.pnl > 0), key=_by_profit))


def worst(trips: Iterable[RoundTrip], count: int) -> tuple[RoundTrip, ...]:
    """Return those that lost most, the worst one first."""
    return tuple(nsmallest(count, (trip for trip in trips if trip.pnl < 0), key=_by_profit))


def valued(trip: RoundTrip, rate: Decimal) -> RoundTrip:
    """Return a trip with its amounts in another currency, at what its quote is worth there."""
    return replace(
        trip,
        cost=times(trip.cost, rate),
        proceeds=times(trip.proceeds, rate),
        fees=times(trip.fees, rate),
        slippage=times(trip.slippage, rate),
    )


def _by_profit(trip: RoundTrip) -> tuple[Decimal, str]:
    return (trip.pnl, trip.trip_id)


def _shares(trips: Iterable[RoundTrip], name_of: Callable[[RoundTrip], str]) -> tuple[Share, ...]:
    grouped: defaultdict[str, list[RoundTrip]] = defaultdict(list)
    for trip in trips:
        grouped[name_of(trip)].append(trip)
    found = (together(own, name) for name, own in grouped.items())
    return tuple(sorted(found, key=lambda share: (-share.pnl, share.name)))
