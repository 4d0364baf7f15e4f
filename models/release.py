"""From what was fitted to the files of a release."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import as_json, write_release
from models.booster import BoosterParams, library_versions, reference_margins
from models.calibrate import probabilities
from models.candidate import Candidate, Study, judge
from models.dataset import TrainingSet
from models.evaluate import Metrics
from models.features import schema_hash
from models.manifest import (
    BOOSTER,
    CALIBRATOR,
    FEATURES,
    METRICS,
    PAYOFF,
    SELF_TEST,
    Kind,
    LabelRule,
    Manifest,
    SelfTest,
    TradedMarket,
    Window,
    release_id,
)
from shared.domain.ids import Symbol

Rows = NDArray[np.bool_]

_SELF_TEST_ROWS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseInfo:
    """What was written; `holdout` is None where no row was left to judge by."""

    release_id: str
    scope: str
    kind: Kind
    path: Path
    rounds: int
    n_effective: float
    holdout: Metrics | None
    reference_kelly: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What all releases of one training have in common."""

    root: Path
    dataset: str
    created_at: datetime
    market: TradedMarket
    label: LabelRule
    booster: BoosterParams

    @property
    def schema_hash(self) -> str:
        return schema_hash(self.market.interval.seconds)

    def release_id(self, scope: str) -> str:
        return release_id(scope, self.dataset, self.booster.device, self.created_at)

    def identity(self, scope: str) -> dict[str, str]:
        """Return what a booster carries inside, so that a stray one can be told."""
        return {"release_id": self.release_id(scope), "schema_hash": self.schema_hash}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scope:
    """Whom a release speaks for, and which rows are theirs."""

    name: str
    symbols: tuple[Symbol, ...]
    rows: Rows


def release(run: Run, study: Study, scope: Scope, candidate: Candidate) -> ReleaseInfo:
    """Write the candidate as a release of the scope."""
    holdout = judge(candidate, study, scope.rows)
    manifest = _manifest(run, study, scope, candidate)
    path = write_release(
        run.root,
        manifest,
        {
            BOOSTER: candidate.grown.ubj,
            CALIBRATOR: as_json(candidate.calibrator),
            PAYOFF: as_json(candidate.payoff),
            METRICS: as_json({"holdout": holdout}),
            FEATURES: as_json(candidate.sheet),
            SELF_TEST: as_json(_self_test(candidate, study, scope.rows)),
        },
    )
    return ReleaseInfo(
        release_id=manifest.release_id,
        scope=scope.name,
        kind=candidate.kind,
        path=path,
        rounds=candidate.grown.rounds,
        n_effective=study.n_effective(study.split.train & scope.rows),
        holdout=holdout,
        reference_kelly=candidate.payoff.reference_kelly,
    )


def _manifest(run: Run, study: Study, scope: Scope, candidate: Candidate) -> Manifest:
    parts = {
        "train": study.split.train & scope.rows,
        "stopping": study.split.stopping & scope.rows,
        "calibration": study.split.calibration & scope.rows,
        "holdout": study.split.holdout & scope.rows,
    }
    rows, grown = study.rows, candidate.grown
    source = candidate.forest.attributes["release_id"]
    return Manifest(
        release_id=run.release_id(scope.name),
        scope=scope.name,
        symbols=scope.symbols,
        venue=run.market.venue,
        references=dict(run.market.only(scope.symbols).references),
        kind=candidate.kind,
        created_at=run.created_at,
        trained_until=_instant(int(rows.label_end_at.max())),
        interval_seconds=run.market.interval.seconds,
        schema_hash=run.schema_hash,
        label=run.label,
        windows={name: _window(rows, part) for name, part in parts.items() if part.any()},
        data_fingerprint=rows.fingerprint,
        params=grown.settings,
        seed=run.booster.seed,
        rounds=grown.rounds,
        device_requested=run.booster.device,
        device=grown.device,
        versions=library_versions(),
        platform=f"{platform.system()}-{platform.machine()}".lower(),
        files={},
        parent_id=None if source == run.release_id(scope.name) else source,
    )


def _window(rows: TrainingSet, part: Rows) -> Window:
    return Window(
        first_at=_instant(int(rows.closed_at[part].min())),
        last_at=_instant(int(rows.closed_at[part].max())),
        rows=int(np.count_nonzero(part)),
        n_effective=float(rows.uniqueness[part].sum()),
    )


def _self_test(candidate: Candidate, study: Study, mine: Rows) -> SelfTest:
    """Return rows and what XGBoost itself, calibrated, says about them."""
    known = np.flatnonzero(study.split.calibration & mine)
    if not len(known):
        known = np.flatnonzero(study.split.calibration)
    picked = known[np.linspace(0, len(known) - 1, _SELF_TEST_ROWS).round().astype(np.int64)]
    vectors = study.rows.vectors[picked]
    margins = reference_margins(candidate.grown.ubj, vectors)
    return SelfTest(
        vectors=tuple(
            tuple(None if np.isnan(value) else value for value in row)
            for row in vectors.astype(np.float64).tolist()
        ),
        probabilities=tuple(probabilities(candidate.calibrator, margins).tolist()),
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
