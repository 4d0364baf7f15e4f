"""Shows how the models that speak were judged."""

from collections.abc import Iterable
from math import nan
from threading import Event

from sqlalchemy.exc import SQLAlchemyError

from shared.bus.consumer import in_one_line
from shared.bus.unit_of_work import Transactions
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics
from signal_generator.core.alarms import State
from signal_generator.core.health import Health
from signal_generator.core.maturing import Role
from signal_generator.repository.health import newest_healths

_EVERY_SECONDS = 60.0

log = get_logger()


def show_stored(metrics: Metrics, transactions: Transactions, stop: Event) -> None:
    """Show, until stopped, what was judged: every replica the same, whoever judged it and when."""
    while True:
        try:
            with transactions.read() as connection:
                stored = newest_healths(connection)
        except SQLAlchemyError as error:
            log.warning("health.unread", error=in_one_line(error))
        else:
            show(metrics, stored)
        if stop.wait(_EVERY_SECONDS):
            return


def show(metrics: Metrics, healths: Iterable[Health]) -> None:
    """Set the gauges of those that speak; what is not known is not a number."""
    newest_last = sorted(healths, key=lambda one: one.judged_at)
    for one in (health for health in newest_last if health.role is Role.CHAMPION):
        drift, live, symbol = one.drift, one.live, one.symbol
        psi = nan if drift is None else drift.psi_adjusted
        worst = nan if drift is None else max((value for _, value in drift.worst), default=0.0)
        metrics.model_prediction_psi.labels(symbol).set(psi)
        metrics.model_feature_psi_max.labels(symbol).set(worst)
        metrics.model_calibration_z.labels(symbol).set(nan if live is None else live.calibration_z)
        metrics.model_live_brier.labels(symbol).set(nan if live is None else live.brier)
        metrics.model_matured_labels.labels(symbol).set(0 if live is None else live.matured)
        for state in State:
            metrics.model_health_state.labels(symbol, state.value).set(state is one.state)
