"""What the monitors read of one release and instrument."""

from dataclasses import dataclass

import numpy as np

from models.calibrate import probabilities
from models.features import MIN_BARRIER_COSTS
from models.scorer import ServingModel
from models.statistics.drift import drift_of
from shared.domain.events import CandlesClosed
from shared.domain.ids import Symbol
from signal_generator.core.asking import Models
from signal_generator.core.maturing import Role
from signal_generator.core.readings import (
    MIN_VECTORS,
    WINDOW,
    Drift,
    Live,
    Promise,
    drift_figures,
    live_figures,
)
from signal_generator.repository.followup import Moment
from signal_generator.repository.outcomes import newest_labels
from signal_generator.repository.recent import recent_vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A release that will be asked about an instrument."""

    symbol: Symbol
    model: ServingModel
    role: Role

    @property
    def key(self) -> tuple[Symbol, str]:
        return self.symbol, self.model.release_id


def asked_about(fact: CandlesClosed, models: Models) -> list[Asked]:
    """Return who is asked about which instrument of a fact, each release once."""
    found: dict[tuple[Symbol, str], Asked] = {}
    for symbol in sorted(candle.symbol for candle in fact.candles):
        roles = {
            Role.CHAMPION: models.model_for(symbol),
            Role.SHADOW: models.shadow_for(symbol),
        }
        for role, model in roles.items():
            if isinstance(model, ServingModel):
                one = Asked(symbol=symbol, model=model, role=role)
                found.setdefault(one.key, one)
    return list(found.values())


def promise_of(model: ServingModel, retrain_days: float) -> Promise:
    """Return what a release promised; its probabilities average to the base rate of training."""
    calibrator, label = model.calibrator, model.label
    return Promise(
        base_rate=float(probabilities(calibrator, np.array(calibrator.knots)).mean()),
        average_win=model.payoff.a_win,
        average_loss=model.payoff.a_loss,
        fee_ratio=label.fee_ratio,
        slippage_ratio=label.slippage_ratio,
        created_at=model.created_at,
        retrain_days=retrain_days,
    )


def read_drift(moment: Moment, asked: Asked) -> Drift | None:
    """Return how far the newest vectors are from training, None while there are too few."""
    model = asked.model
    if model.drift is None:
        return None
    round_trip = 2.0 * (model.label.fee_ratio + model.label.slippage_ratio)
    vectors = recent_vectors(
        moment.uow.connection,
        asked.symbol,
        moment.fact.interval,
        moment.at,
        max(model.drift.window, MIN_VECTORS),
        MIN_BARRIER_COSTS * round_trip,
    ).astype(np.float64)
    if len(vectors) < MIN_VECTORS:
        return None
    promised = probabilities(model.calibrator, model.margins(vectors))
    return drift_figures(drift_of(model.drift, vectors, promised), model.drift, len(vectors))


def read_live(moment: Moment, asked: Asked, promise: Promise) -> Live | None:
    newest = newest_labels(
        moment.uow.connection,
        asked.symbol,
        asked.model.release_id,
        moment.fact.interval,
        WINDOW + asked.model.label.horizon,
    )
    return live_figures(newest, promise, moment.fact.interval.seconds)
