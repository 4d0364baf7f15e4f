"""A release in service: what it believes about a vector, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import verify
from models.calibrate import Calibrator, sigmoid
from models.forest import Forest
from models.manifest import (
    BOOSTER,
    BOOSTER_GLOBAL,
    CALIBRATOR,
    GLOBAL,
    Kind,
    LabelRule,
    Manifest,
    TradedMarket,
)
from models.payoff import Payoff
from models.proof import drift_of, feature_sheet, forest_of, payoff_of, self_test
from models.signing import Trust
from models.statistics.drift import DriftReference

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """`margin`: log-odds; `probability`: calibrated P(net > 0); `neighbours`: labels behind it.

    `unfamiliar_ratio` is the share of features outside the range of 99.8 % of the training rows;
    `new_holes` counts features that are missing here and never were in training.
    """

    margin: float
    probability_raw: float
    probability: float
    neighbours: float
    unfamiliar_ratio: float
    new_holes: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServingModel:
    """A verified release, ready to be asked.

    `pooled` are the trees of all instruments in a blend: margins and contributions are the mean of
    both forests. `drift`: what training looked like, None where the release does not say.
    """

    manifest: Manifest
    forest: Forest
    calibrator: Calibrator
    payoff: Payoff
    low: Floats
    high: Floats
    is_always_known: NDArray[np.bool_]
    pooled: Forest | None = None
    drift: DriftReference | None = None

    @property
    def release_id(self) -> str:
        return self.manifest.release_id

    @property
    def scope(self) -> str:
        return self.manifest.scope

    @property
    def is_global(self) -> bool:
        """Return whether it speaks for every instrument rather than for the one it was made for."""
        return self.manifest.scope == GLOBAL

    @property
    def kind(self) -> Kind:
        return self.manifest.kind

    @property
    def label(self) -> LabelRule:
        return self.manifest.label

    @property
    def created_at(self) -> datetime:
        return self.manifest.created_at

    @property
    def trained_until(self) -> datetime:
        """Return from when on its predictions are not hindsight."""
        return self.manifest.trained_until

    @property
    def interval_seconds(self) -> int:
        return self.manifest.interval_seconds

    @property
    def reference_kelly(self) -> float:
        return self.payoff.reference_kelly

    def predict(self, vectors: Floats) -> list[Prediction]:
        """Return one prediction per row of (n, 86) features; NaN and infinities are missing."""
        margins = self.margins(vectors).tolist()
        unfamiliar = self.unfamiliar_ratios(vectors).tolist()
        holes = self.new_holes(vectors).tolist()
        return [self.prediction(*one) for one in zip(margins, unfamiliar, holes, strict=True)]

    def margins(self, vectors: Floats) -> Floats:
        """Return the log-odds of each row, before calibration."""
        known = np.where(np.isfinite(vectors), vectors, np.nan)
        margins = self.forest.margins(known)
        return margins if self.pooled is None else (margins + self.pooled.margins(known)) / 2

    def unfamiliar_ratios(self, vectors: Floats) -> Floats:
        """Return each row's share of features outside the usual range; what is missing is not."""
        strange = ((vectors < self.low) | (vectors > self.high)) & np.isfinite(vectors)
        return np.count_nonzero(strange, axis=1) / vectors.shape[1]

    def new_holes(self, vectors: Floats) -> NDArray[np.int64]:
        """Return for each row how many features are missing that training always had."""
        return np.count_nonzero(~np.isfinite(vectors) & self.is_always_known, axis=1)

    def prediction(self, margin: float, unfamiliar_ratio: float, new_holes: int) -> Prediction:
        """Return what a margin means."""
        return Prediction(
            margin=margin,
            probability_raw=sigmoid(margin),
            probability=self.calibrator.probability(margin),
            neighbours=self.calibrator.neighbours(margin),
            unfamiliar_ratio=unfamiliar_ratio,
            new_holes=new_holes,
        )

    @property
    def expected(self) -> float:
        """Return the mean margin over the training rows."""
        own = self.forest.expected
        return own if self.pooled is None else (own + self.pooled.expected) / 2

    def contributions(self, vector: Floats) -> list[tuple[str, float]]:
        """Return each feature's share of the margin, strongest first, before calibration.

        Together with the model's mean margin (`expected`) they add up to the margin.
        """
        shares = self._shares(vector).tolist()
        named = zip(self.forest.feature_names, shares, strict=True)
        return sorted(named, key=lambda pair: -abs(pair[1]))

    def points(self, vector: Floats) -> list[tuple[str, float, float]]:
        """Return (name, value, points) of each feature, strongest first.

        The points are how far the calibrated probability would move without the feature's share of
        the margin. As calibration bends and clamps, they do not add up to anything.
        """
        margin = float(self.margins(vector[np.newaxis])[0])
        here = self.calibrator.probability(margin)
        moved = [
            (name, value, here - self.calibrator.probability(margin - share))
            for name, value, share in zip(
                self.forest.feature_names,
                vector.tolist(),
                self._shares(vector).tolist(),
                strict=True,
            )
        ]
        return sorted(moved, key=lambda one: -abs(one[2]))

    def _shares(self, vector: Floats) -> Floats:
        known = np.where(np.isfinite(vector), vector, np.nan)
        shares = self.forest.contributions(known)[:-1]
        return (
            shares if self.pooled is None else (shares + self.pooled.contributions(known)[:-1]) / 2
        )


def forests_of(model: ServingModel) -> Mapping[str, Forest]:
    """Return the forests of a model by the sha256 of their files."""
    files = model.manifest.files
    found = {files[BOOSTER].sha256: model.forest}
    if model.pooled is not None:
        found[files[BOOSTER_GLOBAL].sha256] = model.pooled
    return found


def load(
    path: Path,
    market: TradedMarket | None = None,
    known: dict[str, Forest] | None = None,
    *,
    trust: Trust,
    now: datetime | None = None,
) -> ServingModel:
    """Verify a release, read it, and let it prove itself on its own stored rows.

    `known` maps the sha256 of boosters to forests in memory: releases that share one share these.

    Raises:
        ArtifactRefused: it must not be served.
    """
    contents = verify(path, market, trust=trust, now=now)
    manifest = contents.manifest
    sheet = feature_sheet(contents)
    model = ServingModel(
        manifest=manifest,
        forest=forest_of(contents, BOOSTER, known),
        calibrator=contents.sheet(CALIBRATOR, Calibrator),
        payoff=payoff_of(contents),
        low=np.array(sheet.low, dtype=np.float64),
        high=np.array(sheet.high, dtype=np.float64),
        is_always_known=np.array(sheet.missing_rate, dtype=np.float64) == 0.0,
        pooled=forest_of(contents, BOOSTER_GLOBAL, known) if manifest.kind == "blend" else None,
        drift=drift_of(contents),
    )
    self_test(model, contents)
    if known is not None:
        known.update(forests_of(model))
    return model
