"""Releases made at once: real trees, whose answers to the stored rows are XGBoost's own."""

from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import xgboost
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.artifact import as_json, write_release
from models.calibrate import Calibrator, probabilities
from models.features import FEATURE_NAMES, schema_hash
from models.manifest import (
    BOOSTER,
    BOOSTER_GLOBAL,
    CALIBRATOR,
    FEATURES,
    METRICS,
    PAYOFF,
    SELF_TEST,
    FeatureSheet,
    LabelRule,
    Manifest,
    SelfTest,
    TradedMarket,
    release_id,
    scope_of,
)
from models.payoff import Payoff
from models.signing import Signer
from shared.domain.enums import Interval
from shared.domain.ids import Symbol

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
BTC, ETH, SOL = Symbol("BTC-USDT"), Symbol("ETH-USDT"), Symbol("SOL-USDT")
MARKET = TradedMarket.of("made", Interval.H1, (BTC, ETH))
SIGNER = Signer(private=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STRANGER = Signer(private=Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
TRUST = SIGNER.trust
CALIBRATION = Calibrator(
    A=1.2,
    B=-0.1,
    margin_low=-1.5,
    margin_high=1.5,
    knots=tuple(np.linspace(-1.5, 1.5, 201).tolist()),
    effective=tuple(np.linspace(0.0, 900.0, 201).tolist()),
)


@cache
def booster(seed=0, names=FEATURE_NAMES):
    """Twelve trees over the 86 features that lean on the first three."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(600, len(names))).astype(np.float32)
    rows[draw.random(rows.shape) < 0.05] = np.nan
    known = np.nan_to_num(rows)
    y = known[:, 0] + known[:, 1] * known[:, 2] + draw.normal(size=600) > 0
    matrix = xgboost.DMatrix(rows, y, feature_names=list(names), nthread=1)
    settings = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": seed}
    return bytes(xgboost.train(settings, matrix, 12).save_raw("ubj"))


def margins_of(ubj, rows, names=FEATURE_NAMES):
    """Return what XGBoost itself says."""
    loaded = xgboost.Booster({"nthread": 1})
    loaded.load_model(bytearray(ubj))
    matrix = xgboost.DMatrix(rows.astype(np.float32), feature_names=list(names), nthread=1)
    return loaded.predict(matrix, output_margin=True).astype(np.float64)


def stored_rows():
    rows = np.random.default_rng(99).normal(size=(16, len(FEATURE_NAMES)))
    rows[3, :40] = np.nan
    return rows.astype(np.float32).astype(np.float64)


@cache
def files_of(kind="own", seed=0):
    """Return the files of a release by name."""
    rows, boosters = stored_rows(), {BOOSTER: booster(seed)}
    if kind == "blend":
        boosters[BOOSTER_GLOBAL] = booster(seed + 1000)
    margins = np.mean([margins_of(ubj, rows) for ubj in boosters.values()], axis=0)
    columns = len(FEATURE_NAMES)
    sheet = FeatureSheet(
        names=FEATURE_NAMES,
        missing_rate=(0.0,) * columns,
        low=(-3.0,) * columns,
        high=(3.0,) * columns,
    )
    vectors = tuple(
        tuple(None if np.isnan(value) else value for value in row) for row in rows.tolist()
    )
    answers = SelfTest(
        vectors=vectors, probabilities=tuple(probabilities(CALIBRATION, margins).tolist())
    )
    payoff = Payoff(a_win=0.8, a_loss=0.7, n_win=300.0, n_loss=310.0, reference_kelly=0.1)
    return {
        **boosters,
        CALIBRATOR: as_json(CALIBRATION),
        PAYOFF: as_json(payoff),
        METRICS: as_json({"holdout": None}),
        FEATURES: as_json(sheet),
        SELF_TEST: as_json(answers),
    }


def manifest_of(scope="GLOBAL", at=NOW, **changes):
    symbols = tuple(one for one in (BTC, ETH) if scope in ("GLOBAL", scope_of(one)))
    claims = {
        "release_id": release_id(scope, "full_dataset", "cpu", at),
        "scope": scope,
        "symbols": symbols,
        "venue": "made",
        "references": dict(MARKET.only(symbols).references),
        "kind": "global" if scope == "GLOBAL" else "own",
        "created_at": at,
        "trained_until": at,
        "interval_seconds": 3600,
        "schema_hash": schema_hash(3600),
        "label": LabelRule(),
        "windows": {},
        "data_fingerprint": "0" * 64,
        "params": {},
        "seed": 0,
        "rounds": 12,
        "device_requested": "cpu",
        "device": "cpu",
        "versions": {"xgboost": xgboost.__version__},
        "platform": "made",
        "files": {},
    }
    return Manifest(**{**claims, **changes})


def put(root, scope="GLOBAL", at=NOW, *, seed=0, signer=SIGNER, files=None, **changes):
    """Write one release and return its path; `changes` are claims of its manifest."""
    manifest = manifest_of(scope, at, **changes)
    content = files or files_of("blend" if manifest.kind == "blend" else "own", seed)
    return write_release(root, manifest, content, signer)


def generations(root, count=2, scopes=("GLOBAL", "BTCUSDT", "ETHUSDT")):
    """Write releases a week apart; return by scope their ids, oldest first."""
    return {
        scope: [
            put(root, scope, NOW + timedelta(days=7 * week), seed=week).name
            for week in range(count)
        ]
        for scope in scopes
    }
