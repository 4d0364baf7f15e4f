"""A release in service: what it believes about a vector, and why."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import ArtifactRefused, Contents, verify
from models.calibrate import Calibrator, sigmoid
from models.features import FEATURE_NAMES
from models.forest import Forest, read_forest
from models.manifest import (
    BOOSTER,
    CALIBRATOR,
    FEATURES,
    GLOBAL,
    PAYOFF,
    SELF_TEST,
    FeatureSheet,
    Kind,
    LabelRule,
    Manifest,
    SelfTest,
    TradedMarket,
)
from models.payoff import Payoff

Floats = NDArray[np.float64]
_COLUMNS = len(FEATURE_NAMES)
_TOLERANCE = 1e-6
_SUM_TOLERANCE = 1e-4  # float32 rounding over some hundred trees


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
    """A verified release, ready to be asked."""

    manifest: Manifest
    forest: Forest
    calibrator: Calibrator
    payoff: Payoff
    low: Floats
    high: Floats
    is_always_known: NDArray[np.bool_]

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
        return self.forest.margins(np.where(np.isfinite(vectors), vectors, np.nan))

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

    def contributions(self, vector: Floats) -> list[tuple[str, float]]:
        """Return each feature's share of the margin, strongest first, before calibration.

        Together with the model's mean margin (`forest.expected`) they add up to the margin.
        """
        known = np.where(np.isfinite(vector), vector, np.nan)
        shares = self.forest.contributions(known)[:-1].tolist()
        named = zip(self.forest.feature_names, shares, strict=True)
        return sorted(named, key=lambda pair: -abs(pair[1]))


def load(
    path: Path, market: TradedMarket | None = None, known: dict[str, Forest] | None = None
) -> ServingModel:
    """Verify a release, read it, and let it prove itself on its own stored rows.

    `known` maps the sha256 of boosters to forests in memory: releases that share one share these.

    Raises:
        ArtifactRefused: it must not be served.
    """
    contents = verify(path, market)
    digest = contents.manifest.files[BOOSTER].sha256
    forest = (known or {}).get(digest) or _forest(contents.files[BOOSTER])
    sheet = contents.sheet(FEATURES, FeatureSheet)
    if {len(column) for column in (sheet.low, sheet.high, sheet.missing_rate)} != {_COLUMNS}:
        raise ArtifactRefused("schema_mismatch", f"{FEATURES} has not {_COLUMNS} columns")
    model = ServingModel(
        manifest=contents.manifest,
        forest=forest,
        calibrator=contents.sheet(CALIBRATOR, Calibrator),
        payoff=contents.sheet(PAYOFF, Payoff),
        low=np.array(sheet.low, dtype=np.float64),
        high=np.array(sheet.high, dtype=np.float64),
        is_always_known=np.array(sheet.missing_rate, dtype=np.float64) == 0.0,
    )
    _self_test(model, contents)
    if known is not None:
        known[digest] = forest
    return model


def _forest(booster: bytes) -> Forest:
    try:
        forest = read_forest(booster)
    except ValueError as error:
        raise ArtifactRefused("unreadable_file", f"{BOOSTER}: {error}") from error
    if forest.feature_names != FEATURE_NAMES:
        raise ArtifactRefused("schema_mismatch", "the booster's columns are not the engine's")
    return forest


def _self_test(model: ServingModel, contents: Contents) -> None:
    stored = contents.sheet(SELF_TEST, SelfTest)
    vectors = np.array(stored.vectors, dtype=np.float64)  # None becomes NaN
    if vectors.shape != (len(stored.probabilities), len(FEATURE_NAMES)) or not len(vectors):
        raise ArtifactRefused("self_test", "the stored rows are not of this schema")
    answers = model.predict(vectors)
    off = max(
        abs(answer.probability - expected)
        for answer, expected in zip(answers, stored.probabilities, strict=True)
    )
    if not off <= _TOLERANCE:
        raise ArtifactRefused("self_test", f"a stored probability is off by {off:.2g}")
    explained = sum(share for _, share in model.contributions(vectors[0]))
    gap = abs(explained + model.forest.expected - answers[0].margin)
    if not gap <= _SUM_TOLERANCE:
        raise ArtifactRefused("self_test", f"contributions miss the margin by {gap:.2g}")
