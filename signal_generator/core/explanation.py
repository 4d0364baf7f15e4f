"""What moved a model: features and groups of features, in points of probability.

Shares of a margin (exact TreeSHAP, log-odds before calibration) add up. Points do not quite: each
says how far the calibrated probability would fall if that share alone were taken away, and the
curve between log-odds and probability bends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Protocol

import numpy as np

from models.features import FEATURE_NAMES, GROUPS
from shared.domain.enums import Action
from shared.domain.signal import Signal
from signal_generator.core.belief import Floats, Model

NOTE = (
    "Points of probability: what would be gone if this share alone were taken from the log-odds. "
    "They do not add up exactly; the contributions in log-odds do."
)
SHOWN = 5
EXPLAINED_AT_ONCE = 8
"""TreeSHAP takes milliseconds: more than these of one candle are explained when somebody asks."""
_NAME_TO_GROUP = dict(zip(FEATURE_NAMES, GROUPS, strict=True))
_LOWEST, _HIGHEST = 0.1, 99.9


class Bins(Protocol):
    """One feature in training; `shares` of the bins between `edges`, that of missing ones last."""

    @property
    def edges(self) -> Sequence[float]: ...
    @property
    def shares(self) -> Sequence[float]: ...


class Seen(Protocol):
    """What training looked like; `features` in column order."""

    @property
    def features(self) -> Sequence[Bins]: ...


class Curve(Protocol):
    def probability(self, margin: float) -> float: ...


class Explained(Model, Protocol):
    """`low`, `high`: per feature the range of 99.8 % of the training rows."""

    @property
    def calibrator(self) -> Curve: ...
    @property
    def drift(self) -> Seen | None: ...
    @property
    def low(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...

    def margins(self, vectors: Floats) -> Floats: ...
    def contributions(self, vector: Floats) -> list[tuple[str, float]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One feature's part in a probability.

    contribution    in log-odds before calibration; all of them and the mean margin add up
    points          in probability, after calibration
    percentile      of training rows with a lower value, 0..100; None where that is not known
    """

    name: str
    value: float | None
    contribution: float
    points: float
    percentile: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The strongest features for and against, and the points of each whole group (A..J)."""

    speaking_for: tuple[Share, ...]
    speaking_against: tuple[Share, ...]
    groups: Mapping[str, float]


def explain(model: Explained, vector: Floats) -> Explanation:
    """Say what moved the model's probability for one vector (86,)."""
    shares = model.contributions(vector)
    margin = float(model.margins(vector[np.newaxis])[0])
    points = _Points(model.calibrator, margin)
    ordered = sorted(shares, key=lambda pair: -abs(pair[1]))
    raising = [pair for pair in ordered if pair[1] > 0][:SHOWN]
    lowering = [pair for pair in ordered if pair[1] < 0][:SHOWN]
    return Explanation(
        speaking_for=tuple(_share(model, vector, pair, points) for pair in raising),
        speaking_against=tuple(_share(model, vector, pair, points) for pair in lowering),
        groups={letter: points.without(total) for letter, total in _by_group(shares).items()},
    )


def worth_explaining(signals: Iterable[Signal]) -> list[Signal]:
    """Return those that somebody is likeliest to act on: buys first, the surest of each first."""

    def sureness(signal: Signal) -> tuple[bool, float]:
        probability = 0.5 if signal.edge is None else signal.edge.probability
        return signal.action is not Action.BUY, -abs(probability - 0.5)

    acting = [signal for signal in signals if signal.action is not Action.HOLD]
    return sorted(acting, key=sureness)[:EXPLAINED_AT_ONCE]


class _Points:
    def __init__(self, curve: Curve, margin: float) -> None:
        self._curve, self._margin = curve, margin
        self._probability = curve.probability(margin)

    def without(self, share: float) -> float:
        return self._probability - self._curve.probability(self._margin - share)


def _by_group(shares: Sequence[tuple[str, float]]) -> dict[str, float]:
    totals = dict.fromkeys(GROUPS, 0.0)
    for name, share in shares:
        totals[_NAME_TO_GROUP[name]] += share
    return totals


def _share(model: Explained, vector: Floats, pair: tuple[str, float], points: _Points) -> Share:
    name, contribution = pair
    column = FEATURE_NAMES.index(name)
    value = float(vector[column])
    return Share(
        name=name,
        value=value if isfinite(value) else None,
        contribution=contribution,
        points=points.without(contribution),
        percentile=_percentile(model, column, value) if isfinite(value) else None,
    )


def _percentile(model: Explained, column: int, value: float) -> float | None:
    """Read it off the bins that training left, straight lines between their edges."""
    if model.drift is None:
        return None
    bins = model.drift.features[column]
    known = sum(bins.shares[:-1])
    if not bins.edges or known <= 0:
        return None
    below = np.cumsum(bins.shares[: len(bins.edges)]) * 100 / known
    places = np.array([model.low[column], *bins.edges, model.high[column]])
    heights = np.clip(np.array([_LOWEST, *below, _HIGHEST]), _LOWEST, _HIGHEST)
    return float(np.interp(value, np.maximum.accumulate(places), heights))
