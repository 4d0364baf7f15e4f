"""What an adopted model writes down: its files, and a gate that says what nobody can know."""

import platform
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from launcher.model_adoption import DAYS, Adoption, Rows
from launcher.model_extraction import Extracted
from models.artifact import as_json
from models.booster import library_versions, named, reference_margins
from models.calibrate import probabilities
from models.dataset import TrainingSet
from models.evaluation.sheet import Condition, GateVerdict
from models.features import FEATURE_NAMES, schema_hash
from models.manifest import (
    BOOSTER,
    CALIBRATOR,
    CARD,
    FEATURES,
    GATE,
    GLOBAL,
    METRICS,
    PAYOFF,
    SELF_TEST,
    FeatureSheet,
    Manifest,
    SelfTest,
    Window,
    release_id,
)
from models.statistics.calibration import ece_null

Floats = NDArray[np.float64]

_SELF_TEST_ROWS = 16
_RANGE = (0.001, 0.999)
_GOOD_FOR = timedelta(days=21)


def files_of(
    found: Adoption, extracted: Extracted, manifest: Manifest, champion_id: str | None
) -> dict[str, bytes]:
    """Return the files of the release."""
    identity = {"release_id": manifest.release_id, "schema_hash": manifest.schema_hash}
    verdict = _verdict(found, champion_id)
    return {
        BOOSTER: named(extracted.ubj, identity),
        CALIBRATOR: as_json(found.calibrator),
        PAYOFF: as_json(found.payoff),
        METRICS: as_json({"walk_forward": None, "lately": found.figures}),
        FEATURES: as_json(_sheet(found)),
        SELF_TEST: as_json(_self_test(found, extracted.ubj)),
        GATE: as_json(verdict),
        CARD: f"# {manifest.release_id}\n\n**Not passed.** {verdict.sentence}\n".encode(),
    }


def manifest_of(found: Adoption, extracted: Extracted, now: datetime, digest: str) -> Manifest:
    """Return what is known of the release; `digest` is the sha256 of the file it came in."""
    created_at, rows = now.astimezone(UTC).replace(microsecond=0), found.rows
    step = found.market.interval.seconds
    return Manifest(
        release_id=release_id(found.scope, f"recent_{DAYS}d", "cpu", created_at),
        scope=found.scope,
        symbols=tuple(sorted(found.market.references)),
        venue=found.market.venue,
        references=dict(found.market.references),
        kind="global" if found.scope == GLOBAL else "own",
        created_at=created_at,
        expires_at=created_at + _GOOD_FOR,
        trained_until=_instant(int(rows.label_end_at.max())),
        interval_seconds=step,
        schema_hash=schema_hash(step),
        label=found.label,
        windows={
            "calibration": _window(rows, found.fitted),
            "holdout": _window(rows, found.judged),
        },
        data_fingerprint=rows.fingerprint,
        params={"imported_sha256": digest},
        seed=0,
        rounds=extracted.trees,
        device_requested="cpu",
        device="cpu",
        versions=library_versions(),
        platform=f"{platform.system()}-{platform.machine()}".lower(),
        files={},
        gate_passed=False,
    )


def _verdict(found: Adoption, champion_id: str | None) -> GateVerdict:
    figures = found.figures
    weights = found.rows.uniqueness[found.judged]
    promised = probabilities(found.calibrator, found.margins[found.judged])
    _, chance = ece_null(promised, weights)
    again = "train again, or see what it does in shadow"
    conditions = (
        Condition(
            name="walk-forward record",
            group="integrity",
            is_met=False,
            value="none: it was made elsewhere",
            limit="rows of every fold that it had not seen",
            remedy=again,
        ),
        Condition(
            name="better than the base rate lately",
            group="skill",
            is_met=figures.log_loss < figures.base_log_loss,
            value=f"log loss {figures.log_loss:.5f} against {figures.base_log_loss:.5f}",
            limit="lower; it may have been trained on these candles",
            remedy=again,
        ),
        Condition(
            name="promises kept lately",
            group="calibration",
            is_met=figures.ece <= chance,
            value=f"calibration error {figures.ece:.4f}",
            limit=f"at most {chance:.4f}, what chance allows",
            remedy=again,
        ),
    )
    return GateVerdict(
        is_passed=False,
        sentence=f"{found.scope} should not trade: nobody here saw it being made, and it has no "
        "walk-forward record.",
        conditions=conditions,
        champion_id=champion_id,
    )


def _sheet(found: Adoption) -> FeatureSheet:
    vectors = found.rows.vectors[found.fitted].astype(np.float64)
    low, high = (tuple(_quantile(column, share) for column in vectors.T) for share in _RANGE)
    missing = np.isnan(vectors).mean(axis=0)
    return FeatureSheet(
        names=FEATURE_NAMES, missing_rate=tuple(missing.tolist()), low=low, high=high
    )


def _self_test(found: Adoption, ubj: bytes) -> SelfTest:
    places = np.linspace(0, len(found.fitted) - 1, _SELF_TEST_ROWS).round().astype(np.int64)
    vectors = np.asarray(found.rows.vectors[found.fitted[places]])
    promised = probabilities(found.calibrator, reference_margins(ubj, vectors))
    return SelfTest(
        vectors=tuple(
            tuple(None if np.isnan(value) else value for value in row)
            for row in vectors.astype(np.float64).tolist()
        ),
        probabilities=tuple(promised.tolist()),
    )


def _quantile(column: Floats, share: float) -> float | None:
    known = column[np.isfinite(column)]
    return float(np.quantile(known, share)) if len(known) else None


def _window(rows: TrainingSet, part: Rows) -> Window:
    return Window(
        first_at=_instant(int(rows.closed_at[part].min())),
        last_at=_instant(int(rows.closed_at[part].max())),
        rows=len(part),
        n_effective=float(rows.uniqueness[part].sum()),
    )


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
