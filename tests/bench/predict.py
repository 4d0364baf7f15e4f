"""One opinion, and one for each of a hundred or five hundred coins, beside XGBoost itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import xgboost

from models.forest import read_forest
from models.scorer import ServingModel
from shared.domain.enums import Interval
from tests.bench.figures import Figure, latency, timed
from tests.bench.markets import BTC, ETH, synthetic
from tests.bench.trained import big_booster, champions, copies, models_folder

_BURSTS = 60


def measure() -> list[Figure]:
    from models.features import batch

    data = synthetic(1_000, Interval.H1)
    one, other = data[BTC], data[ETH]
    rows = batch(one.ohlcv, other.ohlcv, one.closed_at, one.is_filled)[-500:]
    trained = champions(models_folder())
    ubj = big_booster()
    small = copies(trained, 500)
    grown = read_forest(ubj)
    big = copies([replace(model, forest=grown) for model in trained], 500)
    figures = [_one(small[0], rows, None), _one(big[0], rows, ubj)]
    figures += [_burst(small, rows, count, "own small trees") for count in (100, 500)]
    figures += [_burst(big, rows, count, "500 trees, depth 6") for count in (100, 500)]
    boosters = [_booster(ubj) for _ in range(100)]
    rival = timed(lambda: _ask_xgboost(boosters, rows), 10, warm=1)
    figures[-2] = replace(
        figures[-2], beside=f"xgboost inplace_predict: {np.median(rival) * 1e3:.0f} ms"
    )
    figures.append(
        latency(
            "one model x 100 rows, 500 trees",
            timed(lambda: big[0].predict(rows[:100]), 100),
            "ms",
            beside=_inplace(boosters[0], rows[:100], "ms"),
        )
    )
    return figures


def _one(model: ServingModel, rows: np.ndarray, ubj: bytes | None) -> Figure:
    row = rows[:1]
    trees = len(model.forest.roots)
    beside = "" if ubj is None else _inplace(_booster(ubj), row, "µs")
    seconds = timed(lambda: model.predict(row), 3_000, warm=50)
    return latency(f"one calibrated prediction, {trees} trees", seconds, "µs", beside=beside)


def _burst(models: list[ServingModel], rows: np.ndarray, count: int, kind: str) -> Figure:
    asked = [(models[place], rows[place : place + 1]) for place in range(count)]

    def ask() -> None:
        for model, row in asked:
            model.predict(row)

    target = {100: 10.0, 500: 50.0}[count]
    return latency(f"{count} models x 1 row, {kind}", timed(ask, _BURSTS), "ms", target=target)


def _booster(ubj: bytes) -> Any:
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(ubj))
    return booster


def _inplace(booster: Any, rows: np.ndarray, unit: str) -> str:
    values = rows.astype(np.float32)
    booster.set_param({"nthread": 1})
    seconds = timed(lambda: booster.inplace_predict(values, validate_features=False), 500)
    scale = {"µs": 1e6, "ms": 1e3}[unit]
    return f"xgboost inplace_predict: {np.median(seconds) * scale:.3g} {unit}"


def _ask_xgboost(boosters: list[Any], rows: np.ndarray) -> None:
    for place, booster in enumerate(boosters):
        booster.inplace_predict(rows[place : place + 1].astype(np.float32), validate_features=False)
