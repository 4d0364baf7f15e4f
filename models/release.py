"""From what was fitted and judged to the files of a release."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.artifact import as_json, write_release
from models.booster import BoosterParams, library_versions, named
from models.candidate import Study
from models.dataset import TrainingSet
from models.evaluation.assess import Subject
from models.evaluation.card import model_card
from models.evaluation.page import report_page
from models.evaluation.sheet import Evaluation, GateVerdict
from models.features import schema_hash
from models.manifest import (
    BOOSTER,
    BOOSTER_GLOBAL,
    CALIBRATOR,
    CARD,
    DRIFT,
    EVALUATION,
    FEATURES,
    GATE,
    METRICS,
    PAYOFF,
    REPORT,
    SELF_TEST,
    Kind,
    LabelRule,
    Manifest,
    TradedMarket,
    Window,
    release_id,
)
from models.signing import Signer
from models.training.sidecars import drift_sheet, feature_sheet, self_test
from models.training.trees import Trees
from models.validation import Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseInfo:
    """What was written and what is known about it."""

    release_id: str
    scope: str
    kind: Kind
    path: Path
    rounds: int
    n_effective: float
    evaluation: Evaluation
    verdict: GateVerdict
    reference_kelly: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What all releases of one training have in common; without a signer they are unsigned."""

    root: Path
    dataset: str
    created_at: datetime
    expires_after: timedelta
    market: TradedMarket
    label: LabelRule
    booster: BoosterParams
    signer: Signer | None

    @property
    def schema_hash(self) -> str:
        return schema_hash(self.market.interval.seconds)

    def release_id(self, scope: str) -> str:
        return release_id(scope, self.dataset, self.booster.device, self.created_at)

    def identity(self, scope: str) -> dict[str, str]:
        """Return what a booster carries inside, so that a stray one can be told."""
        return {"release_id": self.release_id(scope), "schema_hash": self.schema_hash}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """A finished model with its judgement; `pooled_scope` names where shared trees come from."""

    subject: Subject
    trees: Trees
    evaluation: Evaluation
    verdict: GateVerdict
    pooled_scope: str


def release(run: Run, study: Study, product: Product) -> ReleaseInfo:
    """Write the product as a release of its scope."""
    subject, trees = product.subject, product.trees
    manifest = _manifest(run, study, product)
    boosters = _boosters(run, product)
    files = {
        **boosters,
        CALIBRATOR: as_json(subject.fitted.calibrator),
        PAYOFF: as_json(subject.fitted.payoff),
        METRICS: as_json(
            {"walk_forward": product.evaluation.skill, "holdout": product.evaluation.holdout_skill}
        ),
        FEATURES: as_json(feature_sheet(study, subject, trees)),
        SELF_TEST: as_json(self_test(study, subject, trees)),
        DRIFT: as_json(drift_sheet(study, subject)),
        EVALUATION: as_json(product.evaluation),
        GATE: as_json(product.verdict),
        REPORT: report_page(manifest, product.evaluation, product.verdict).encode(),
        CARD: model_card(manifest, product.evaluation, product.verdict).encode(),
    }
    path = write_release(run.root, manifest, files, run.signer)
    return ReleaseInfo(
        release_id=manifest.release_id,
        scope=subject.scope,
        kind=trees.kind,
        path=path,
        rounds=trees.grown.rounds,
        n_effective=product.evaluation.n_effective_train,
        evaluation=product.evaluation,
        verdict=product.verdict,
        reference_kelly=subject.fitted.payoff.reference_kelly,
    )


def _boosters(run: Run, product: Product) -> dict[str, bytes]:
    trees, scope = product.trees, product.subject.scope
    first = scope if trees.kind != "global" else product.pooled_scope
    names = [(BOOSTER, first), (BOOSTER_GLOBAL, product.pooled_scope)]
    return {
        name: named(booster, run.identity(owner))
        for (name, owner), booster in zip(names, trees.boosters, strict=False)
    }


def _manifest(run: Run, study: Study, product: Product) -> Manifest:
    subject, grown, rows = product.subject, product.trees.grown, study.rows
    symbols = tuple(sorted(subject.market.references))
    is_shared = product.trees.kind == "global" and subject.scope != product.pooled_scope
    return Manifest(
        release_id=run.release_id(subject.scope),
        scope=subject.scope,
        symbols=symbols,
        venue=run.market.venue,
        references=dict(subject.market.references),
        kind=product.trees.kind,
        created_at=run.created_at,
        expires_at=run.created_at + run.expires_after,
        trained_until=_instant(int(rows.label_end_at.max())),
        interval_seconds=run.market.interval.seconds,
        schema_hash=run.schema_hash,
        label=run.label,
        windows=_windows(study, subject),
        data_fingerprint=rows.fingerprint,
        params=grown.settings,
        seed=run.booster.seed,
        rounds=grown.rounds,
        device_requested=run.booster.device,
        device=grown.device,
        versions=library_versions(),
        platform=f"{platform.system()}-{platform.machine()}".lower(),
        files={},
        parent_id=run.release_id(product.pooled_scope) if is_shared else None,
        trials=product.evaluation.walk_forward.trials,
        gate_passed=product.verdict.is_passed,
    )


def _windows(study: Study, subject: Subject) -> dict[str, Window]:
    """Return which rows of the scope teach, calibrate and judge; shared trees learn from others."""
    cut, mine = study.cut, subject.mine
    parts = {
        "train": cut.holdout.train[mine[cut.holdout.train]],
        "calibration": subject.choice.found.rows,
        "holdout": cut.holdout.test[mine[cut.holdout.test]],
    }
    return {name: _window(study.rows, part) for name, part in parts.items() if len(part)}


def _window(rows: TrainingSet, part: Indices) -> Window:
    return Window(
        first_at=_instant(int(rows.closed_at[part].min())),
        last_at=_instant(int(rows.closed_at[part].max())),
        rows=len(part),
        n_effective=float(rows.uniqueness[part].sum()),
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
