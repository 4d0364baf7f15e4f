"""Which monitors are not green, and how bad that is: limits of yellow and red."""

from dataclasses import dataclass
from enum import StrEnum
from math import copysign

from models.statistics.drift import MAX_DRIFTED_RATIO
from models.statistics.live import CUSUM_LIMIT, MIN_MATURED
from signal_generator.core.readings import WINDOW, Drift, Live, Promise

PSI_YELLOW, PSI_RED = 0.10, 0.50
Z_YELLOW, Z_RED = 2.0, 3.0
BRIER_P_VALUE = 0.05
PAYOFF_TOLERANCE = 0.25


class State(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Monitor(StrEnum):
    PREDICTION_DRIFT = "prediction_drift"
    FEATURE_DRIFT = "feature_drift"
    CALIBRATION = "calibration"
    BRIER = "brier"
    LOSSES = "losses"
    PAYOFF = "payoff"
    AGE = "age"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A monitor that is not green: what it reads, and the limit it is beyond."""

    monitor: Monitor
    state: State
    value: float
    limit: float


def alarms_of(
    drift: Drift | None, live: Live | None, promise: Promise, age_days: float
) -> tuple[Alarm, ...]:
    """Return every monitor that is not green, worst first."""
    found: list[Alarm] = []
    if drift is not None:
        found += _drift_alarms(drift)
    if live is not None and live.matured >= MIN_MATURED:
        found += _live_alarms(live, promise)
    if age_days > promise.retrain_days:
        found.append(_yellow(Monitor.AGE, age_days, promise.retrain_days))
    return tuple(sorted(found, key=lambda alarm: alarm.state is not State.RED))


def state_of(alarms: tuple[Alarm, ...]) -> State:
    return max((alarm.state for alarm in alarms), key=tuple(State).index, default=State.GREEN)


def _drift_alarms(drift: Drift) -> list[Alarm]:
    found: list[Alarm] = []
    value = drift.psi_adjusted
    if not value <= PSI_RED:
        found.append(_red(Monitor.PREDICTION_DRIFT, value, PSI_RED))
    elif value > PSI_YELLOW:
        found.append(_yellow(Monitor.PREDICTION_DRIFT, value, PSI_YELLOW))
    if drift.is_feature_alarm:
        found.append(_yellow(Monitor.FEATURE_DRIFT, drift.drifted_ratio, MAX_DRIFTED_RATIO))
    return found


def _live_alarms(live: Live, promise: Promise) -> list[Alarm]:
    found: list[Alarm] = []
    if not abs(live.calibration_z) <= Z_RED:
        found.append(_red(Monitor.CALIBRATION, live.calibration_z, Z_RED))
    elif abs(live.calibration_z) > Z_YELLOW:
        found.append(_yellow(Monitor.CALIBRATION, live.calibration_z, Z_YELLOW))
    if live.matured >= WINDOW and live.brier_p_value < BRIER_P_VALUE:
        found.append(_red(Monitor.BRIER, live.brier_p_value, BRIER_P_VALUE))
    if live.cusum > CUSUM_LIMIT:
        found.append(_red(Monitor.LOSSES, live.cusum, CUSUM_LIMIT))
    return found + payoff_alarms(live, promise)


def payoff_alarms(live: Live, promise: Promise) -> list[Alarm]:
    """Return where the mean win or loss is a quarter off what was promised."""
    found: list[Alarm] = []
    pairs = ((live.average_win, promise.average_win), (live.average_loss, promise.average_loss))
    for realised, promised in pairs:
        if realised is None:
            continue
        limit = promised * (1 + copysign(PAYOFF_TOLERANCE, realised - promised))
        if abs(realised - promised) > PAYOFF_TOLERANCE * promised:
            found.append(_yellow(Monitor.PAYOFF, realised, limit))
    return found


def _red(monitor: Monitor, value: float, limit: float) -> Alarm:
    return Alarm(monitor=monitor, state=State.RED, value=value, limit=limit)


def _yellow(monitor: Monitor, value: float, limit: float) -> Alarm:
    return Alarm(monitor=monitor, state=State.YELLOW, value=value, limit=limit)
