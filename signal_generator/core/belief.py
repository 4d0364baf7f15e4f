"""What one model says about vectors, in the terms a signal is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Prediction(Protocol):
    @property
    def probability_raw(self) -> float: ...
    @property
    def probability(self) -> float: ...
    @property
    def neighbours(self) -> float: ...
    @property
    def unfamiliar_ratio(self) -> float: ...
    @property
    def new_holes(self) -> int: ...


class LabelRule(Protocol):
    @property
    def horizon(self) -> int: ...
    @property
    def k_stop(self) -> float: ...
    @property
    def k_target(self) -> float: ...


class Payoff(Protocol):
    @property
    def a_win(self) -> float: ...
    @property
    def a_loss(self) -> float: ...


class Model(Protocol):
    """A release in service; `models.scorer.ServingModel` is one."""

    @property
    def release_id(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def label(self) -> LabelRule: ...
    @property
    def payoff(self) -> Payoff: ...
    @property
    def reference_kelly(self) -> float: ...

    def predict(self, vectors: Floats) -> Sequence[Prediction]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What one model says about one vector, and the trade it was trained on.

    average_win, average_loss   in units of the barrier
    unfamiliar_ratio            share of features outside the range seen in training
    new_holes                   features that are missing and never were in training
    is_fallback                 a pooled model stands in for an own one that cannot be used
    drift_factor, live_factor   what the monitors leave of the confidence, 0..1
    is_unhealthy                one of them is red
    """

    release_id: str
    created_at: datetime
    horizon_candles: int
    stop_multiple: float
    target_multiple: float
    average_win: float
    average_loss: float
    reference_kelly: float
    probability: float
    probability_raw: float
    neighbours: float
    unfamiliar_ratio: float = 0.0
    new_holes: int = 0
    is_fallback: bool = False
    drift_factor: float = 1.0
    live_factor: float = 1.0
    is_unhealthy: bool = False


def believe(model: Model, vectors: Floats, *, is_fallback: bool = False) -> list[Belief]:
    """Ask the model once about all rows of (n, 86) vectors."""
    return [
        belief_of(model, prediction, is_fallback=is_fallback)
        for prediction in model.predict(vectors)
    ]


def belief_of(model: Model, prediction: Prediction, *, is_fallback: bool = False) -> Belief:
    return Belief(
        release_id=model.release_id,
        created_at=model.created_at,
        horizon_candles=model.label.horizon,
        stop_multiple=model.label.k_stop,
        target_multiple=model.label.k_target,
        average_win=model.payoff.a_win,
        average_loss=model.payoff.a_loss,
        reference_kelly=model.reference_kelly,
        probability=prediction.probability,
        probability_raw=prediction.probability_raw,
        neighbours=prediction.neighbours,
        unfamiliar_ratio=prediction.unfamiliar_ratio,
        new_holes=prediction.new_holes,
        is_fallback=is_fallback,
    )
