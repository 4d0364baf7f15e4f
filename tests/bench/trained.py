"""Models for the benchmarks: really trained, once, and kept between runs."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from models.dataset import training_set
from models.features import FEATURE_NAMES
from models.manifest import GLOBAL, LabelRule, TradedMarket
from models.registry import Registry
from models.scorer import ServingModel, load
from models.signing import ANY_UNSIGNED
from shared.domain.enums import Interval
from shared.domain.ids import Symbol
from tests.bench.__main__ import RECORDS
from tests.bench.markets import synthetic
from tests.swiftly import SWIFTLY

SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT")
_HISTORY = 8_760
_LABEL = LabelRule(fee_ratio=0.0, slippage_ratio=0.0001)
_AT = datetime(2024, 1, 1, tzinfo=UTC)


def models_folder(interval: Interval = Interval.H1) -> Path:
    """Return a folder with a pooled model and one per instrument, trained on synthetic candles."""
    root = RECORDS / "models" / interval
    if not Registry(root, trust=ANY_UNSIGNED).releases():
        from models.booster import BoosterParams
        from models.train import TrainingConfig, train_models

        config = TrainingConfig(
            market=TradedMarket.of("synthetic", interval, [Symbol(one) for one in SYMBOLS]),
            label=_LABEL,
            booster=BoosterParams(max_rounds=120),
            min_effective_labels=0.0,
            **SWIFTLY,
        )
        history = _HISTORY if interval is Interval.H1 else 60_000
        train_models(
            synthetic(history, interval, SYMBOLS), config, root, _AT, lambda _what, _share: None
        )
    return root


def champions(root: Path) -> list[ServingModel]:
    """Return the champions of the single instruments."""
    listed = Registry(root, trust=ANY_UNSIGNED).releases()
    return [
        load(one.path, trust=ANY_UNSIGNED)
        for one in listed
        if one.is_champion and one.manifest.scope != GLOBAL
    ]


def copies(models: list[ServingModel], count: int) -> list[ServingModel]:
    """Return `count` models, each with trees of its own in memory."""
    return [with_own_memory(models[number % len(models)]) for number in range(count)]


def with_own_memory(model: ServingModel) -> ServingModel:
    trees = model.forest
    nodes, roots, depths = trees.nodes.copy(), trees.roots.copy(), trees.depths.copy()
    return replace(model, forest=replace(trees, nodes=nodes, roots=roots, depths=depths))


def big_booster() -> bytes:
    """Return 500 trees of depth 6 over the 86 features: the model performance.md speaks of."""
    path = RECORDS / "models" / "500x6.ubj"
    if not path.exists():
        import xgboost

        data = synthetic(_HISTORY, Interval.H1)
        rows = training_set(data, _LABEL, TradedMarket.of("synthetic", Interval.H1, tuple(data)))
        matrix = xgboost.QuantileDMatrix(
            rows.vectors, rows.y, feature_names=list(FEATURE_NAMES), nthread=2
        )
        params = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.02, "nthread": 2}
        booster = xgboost.train(params, matrix, num_boost_round=500)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(booster.save_raw("ubj"))
    return path.read_bytes()
