"""Whether a release still deserves the size it asks for: its monitors, once a day, one instrument.

Everything is worked out anew from what is stored; a bad state ends when the evidence does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from models.statistics.live import MIN_MATURED, drift_factor, live_factor
from shared.domain.ids import Symbol
from signal_generator.core.alarms import Alarm, Monitor, State, alarms_of, payoff_alarms, state_of
from signal_generator.core.belief import Belief
from signal_generator.core.maturing import Role
from signal_generator.core.readings import MIN_VECTORS, WINDOW, Drift, Live, Promise

_DAY = timedelta(days=1)


_BY_LABELS = frozenset({Monitor.BRIER, Monitor.LOSSES})


class Remedy(StrEnum):
    """What a red state leads to: the release before, the pooled model at half, or silence.

    Silence ends by itself when the evidence does: who is refused is still asked.
    """

    NONE = "none"
    ROLLBACK = "rollback"
    RETIRE = "retire"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One release about one instrument on one day (midnight UTC), judged at a candle's close.

    `red_since`: when the first of the red days in a row was judged. `average_win` and
    `average_loss` replace those of the release where the realised are worse.
    """

    symbol: Symbol
    release_id: str
    role: Role
    day: datetime
    judged_at: datetime
    state: State
    red_since: datetime | None = None
    alarms: tuple[Alarm, ...] = ()
    remedy: Remedy = Remedy.NONE
    drift_factor: float = 1.0
    live_factor: float = 1.0
    average_win: float | None = None
    average_loss: float | None = None
    age_days: float = 0.0
    drift: Drift | None = None
    live: Live | None = None

    @property
    def is_red(self) -> bool:
        return self.state is State.RED


Healths: TypeAlias = Mapping[tuple[Symbol, str], Health]
"""The newest judgement by instrument and release id."""


def judge(
    about: tuple[Symbol, str, Role],
    judged_at: datetime,
    promise: Promise,
    readings: tuple[Drift | None, Live | None],
    before: Health | None = None,
) -> Health:
    """Return the state of a release (instrument, release, role) at an instant, without a remedy.

    `before`: how it was judged the last time.
    """
    drift, live = readings
    symbol, release_id, role = about
    age_days = (judged_at - promise.created_at) / _DAY
    alarms = alarms_of(drift, live, promise, age_days)
    state, (by_drift, by_labels) = state_of(alarms), factors_of(drift, live)
    win, loss = worse_payoff(live, promise) or (None, None)
    return Health(
        symbol=symbol,
        release_id=release_id,
        role=role,
        day=day_of(judged_at),
        judged_at=judged_at,
        state=state,
        red_since=_red_since(state, judged_at, before),
        alarms=alarms,
        drift_factor=by_drift,
        live_factor=by_labels,
        average_win=win,
        average_loss=loss,
        age_days=age_days,
        drift=drift,
        live=live,
    )


def remedy_for(
    health: Health, step: timedelta, *, is_pooled: bool, has_previous: bool, has_pooled: bool
) -> Remedy:
    """Return what a state leads to.

    A pooled model that is red about one instrument is refused there alone: it speaks for others;
    so is who only stands in for another release (`is_pooled` is true of both).
    Whatever is red is refused at once, but the aliases move back only for what `has_proof`.
    `has_previous`, `has_pooled`: there is another release of the instrument, or a pooled one, and
    it was not found red about it.
    """
    if not health.is_red or health.role is not Role.CHAMPION:
        return Remedy.NONE
    if is_pooled or not has_proof(health, step):
        return Remedy.REFUSE
    if has_previous:
        return Remedy.ROLLBACK
    return Remedy.RETIRE if has_pooled else Remedy.REFUSE


def has_proof(health: Health, step: timedelta) -> bool:
    """Tell whether a red state is no accident of one window; `step` is the length of a candle.

    A test at 5 % on overlapping windows, asked every day, is red about three in four right models
    within four months, and a slow market drifts like a changed one. Three standard errors are proof
    by themselves; anything else is once it has been red for longer than its window reaches back.
    """
    if health.red_since is None:
        return False
    red = {alarm.monitor for alarm in health.alarms if alarm.state is State.RED}
    if Monitor.CALIBRATION in red:
        return True
    reach = WINDOW if red & _BY_LABELS else MIN_VECTORS
    return health.judged_at - health.red_since >= reach * step


def with_health(beliefs: Mapping[Symbol, Belief], healths: Healths) -> dict[Symbol, Belief]:
    """Return beliefs with what the monitors leave of them; who was not judged yet is believed."""
    return {
        symbol: _weighed(belief, healths.get((symbol, belief.release_id)))
        for symbol, belief in beliefs.items()
    }


def _weighed(belief: Belief, health: Health | None) -> Belief:
    if health is None:
        return belief
    return replace(
        belief,
        drift_factor=health.drift_factor,
        live_factor=health.live_factor,
        is_unhealthy=health.is_red,
        average_win=belief.average_win if health.average_win is None else health.average_win,
        average_loss=belief.average_loss if health.average_loss is None else health.average_loss,
    )


def day_of(instant: datetime) -> datetime:
    """Return midnight, UTC, of the day of an instant in UTC."""
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


def factors_of(drift: Drift | None, live: Live | None) -> tuple[float, float]:
    """Return what drift and matured labels leave of the confidence; 1 where there are too few."""
    return (
        1.0 if drift is None else drift_factor(drift.psi_adjusted),
        1.0 if live is None else live_factor(live.calibration_z, live.matured),
    )


def worse_payoff(live: Live | None, promise: Promise) -> tuple[float, float] | None:
    """Return the worse of promised and realised mean win and loss, None while they agree."""
    if live is None or live.matured < MIN_MATURED or not payoff_alarms(live, promise):
        return None
    win = promise.average_win if live.average_win is None else live.average_win
    loss = promise.average_loss if live.average_loss is None else live.average_loss
    return min(win, promise.average_win), max(loss, promise.average_loss)


def _red_since(state: State, judged_at: datetime, before: Health | None) -> datetime | None:
    if state is not State.RED:
        return None
    return judged_at if before is None else before.red_since or judged_at
