"""Follows stored signals up to the end of their trades."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.bus.envelope import Envelope
from shared.bus.history import last_events
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import CandlesClosed
from shared.domain.ids import Symbol
from signal_generator.core.maturing import Bar, bar_of, has_passed, mature
from signal_generator.core.scoring import ScoringPolicy
from signal_generator.repository.outcomes import add_outcomes, pending_signals

FURTHEST_BACK = 2_000
"""Candles: who was not followed up for longer than this stays without a label."""
CANDLES_BETWEEN = 32
_LONGEST_HORIZON = 512
_DAY = timedelta(days=1)
_JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The fact that is being handled, and where."""

    fact: CandlesClosed
    envelope: Envelope
    uow: UnitOfWork

    @property
    def at(self) -> datetime:
        return self.fact.closed_at

    @property
    def step(self) -> timedelta:
        return self.fact.interval.delta


def turn_of(moment: Moment) -> timedelta:
    """Return how long after midnight a shard is judged: one candle after the shard before it."""
    last = max(_DAY // moment.step - 1, 0)
    return min(moment.fact.shard, last) * moment.step


def is_halt(moment: Moment) -> bool:
    """Tell whether it is a shard's turn: one candle in `CANDLES_BETWEEN`, not all shards at one."""
    number = int(moment.at.timestamp()) // moment.fact.interval.seconds
    return (number + moment.fact.shard) % CANDLES_BETWEEN == 0


def follow_up(
    moment: Moment, symbols: Collection[Symbol], since: datetime | None, policy: ScoringPolicy
) -> int:
    """Store the outcomes of all signals whose horizon has passed; return how many.

    `since`: when this was done last for all of these instruments, None if never.
    """
    furthest = moment.at - FURTHEST_BACK * moment.step
    after = max(furthest, (since or furthest) - _LONGEST_HORIZON * moment.step)
    connection, interval = moment.uow.connection, moment.fact.interval
    waiting = [
        signal
        for signal in pending_signals(connection, interval, symbols, after, moment.at)
        if has_passed(signal, moment.step, moment.at)
    ]
    if not waiting:
        return 0
    bars = _bars(moment, min(signal.closed_at for signal in waiting), symbols)
    outcomes = [mature(one, moment.step, bars[one.symbol], policy) for one in waiting]
    add_outcomes(connection, interval, outcomes)
    return len(outcomes)


def _bars(
    moment: Moment, after: datetime, symbols: Collection[Symbol]
) -> Mapping[Symbol, Mapping[datetime, Bar]]:
    """Return the candles of instruments by closing time, from an instant to now, from the log."""
    said = last_events(
        moment.uow.connection,
        topic=CandlesClosed.topic,
        stream=moment.fact.stream,
        before=moment.envelope.occurred_at + _JUST_AFTER,
        limit=int((moment.at - after) / moment.step) + 1,
    )
    facts: Sequence[CandlesClosed] = [
        one.event for one in said if isinstance(one.event, CandlesClosed)
    ]
    found: defaultdict[Symbol, dict[datetime, Bar]] = defaultdict(dict)
    wanted = frozenset(symbols)
    for fact in facts:
        for candle in fact.candles:
            if candle.symbol in wanted and after < candle.closed_at <= moment.at:
                found[candle.symbol][candle.closed_at] = bar_of(candle)
    return found
