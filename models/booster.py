"""Growing the trees of models; beside the leak checks the only module that loads XGBoost."""

import json
import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Literal

import numpy as np
import xgboost
from numpy.typing import NDArray

from models.features import FEATURE_NAMES
from shared.domain.errors import BadInput

PATIENCE = 20
_LIBRARIES = ("numpy", "numba", "scipy", "scikit-learn", "joblib", "crypto-trading-engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoosterParams:
    """ml.md 3.5; `min_child_weight` is a sum of hessian, about 0.25 per unit of weight."""

    max_rounds: int = 400
    max_depth: int = 4
    eta: float = 0.05
    subsample: float = 0.8
    colsample_bytree: float = 0.5
    min_child_weight: float = 30.0
    reg_lambda: float = 5.0
    max_bin: int = 256
    seed: int = 7
    threads: int = 2
    device: Literal["cpu", "gpu"] = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Rows (m, 86) float32 with NaN for missing, outcomes, and weights of mean 1."""

    vectors: NDArray[np.float32]
    y: NDArray[np.int8]
    weights: NDArray[np.float64]

    @property
    def base_rate(self) -> float:
        return float(self.weights @ self.y) / float(self.weights.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A booster as UBJSON, cut behind its best round; `device` is where it really was trained."""

    ubj: bytes
    rounds: int
    stopping_log_loss: float
    base_rate: float
    device: str
    settings: dict[str, str | int | float]


class Ground:
    """Rows sorted into bins once, for as many configurations as have the same `max_bin`.

    `train` grows trees, `stopping` says when to stop.
    """

    def __init__(self, train: Sample, stopping: Sample, max_bin: int, threads: int) -> None:
        names = list(FEATURE_NAMES)
        inputs = {"feature_names": names, "max_bin": max_bin, "nthread": threads}
        self._matrix = xgboost.QuantileDMatrix(
            train.vectors, train.y, weight=train.weights, **inputs
        )
        self._judge = xgboost.QuantileDMatrix(
            stopping.vectors, stopping.y, weight=stopping.weights, ref=self._matrix, **inputs
        )
        self._base_rate = train.base_rate
        self._max_bin, self._threads = max_bin, threads

    def grow(self, params: BoosterParams) -> Grown:
        """Boost until the stopping rows have not improved for 20 rounds.

        The same rows, parameters and seed give the same bytes, whatever the number of threads.

        Raises:
            BadInput: the device asked for is not there.
        """
        settings = _settings(replace(params, max_bin=self._max_bin), self._base_rate)
        booster = xgboost.train(
            {**settings, "nthread": self._threads, "verbosity": 0},
            self._matrix,
            num_boost_round=params.max_rounds,
            evals=[(self._judge, "stopping")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        device = _actual_device(booster)
        if device != params.device:
            raise BadInput("device", f"{params.device} was asked, {device} did the work", "use cpu")
        booster.set_param({"device": "cpu"})
        rounds = int(booster.best_iteration) + 1
        return Grown(
            ubj=bytes(booster[:rounds].save_raw("ubj")),
            rounds=rounds,
            stopping_log_loss=float(booster.best_score),
            base_rate=self._base_rate,
            device=device,
            settings=settings,
        )


def check_device(device: str) -> None:
    """Refuse a device that this build cannot use, before any work is done.

    Raises:
        BadInput: a GPU is asked for, and this XGBoost was built without.
    """
    if device == "gpu" and not xgboost.build_info().get("USE_CUDA"):
        raise BadInput(
            "device",
            "this XGBoost was built without a GPU",
            "install xgboost in the place of xgboost-cpu where models are trained, or use cpu",
        )


def grow(train: Sample, stopping: Sample, params: BoosterParams) -> Grown:
    return Ground(train, stopping, params.max_bin, params.threads).grow(params)


def named(ubj: bytes, attributes: dict[str, str]) -> bytes:
    """Return the booster with attributes inside, so that a stray one can be told."""
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(ubj))
    booster.set_attr(**attributes)
    return bytes(booster.save_raw("ubj"))


def reference_margins(ubj: bytes, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the margins XGBoost itself finds: what the compiled walk is compared with."""
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(ubj))
    matrix = xgboost.DMatrix(vectors, feature_names=list(FEATURE_NAMES), nthread=1)
    return np.asarray(booster.predict(matrix, output_margin=True), dtype=np.float64)


def library_versions() -> dict[str, str]:
    """Return what computes a training, this project among it: another makes another result."""
    return {
        "python": platform.python_version(),
        "xgboost": str(xgboost.__version__),
        **{name: version(name) for name in _LIBRARIES},
    }


def _settings(params: BoosterParams, base_rate: float) -> dict[str, str | int | float]:
    return {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "device": "cuda" if params.device == "gpu" else "cpu",
        "max_depth": params.max_depth,
        "eta": params.eta,
        "subsample": params.subsample,
        "colsample_bytree": params.colsample_bytree,
        "min_child_weight": params.min_child_weight,
        "reg_lambda": params.reg_lambda,
        "max_bin": params.max_bin,
        "seed": params.seed,
        "base_score": base_rate,
    }


def _actual_device(booster: xgboost.Booster) -> str:
    learner = json.loads(booster.save_config())["learner"]
    return "gpu" if str(learner["generic_param"]["device"]).startswith("cuda") else "cpu"
