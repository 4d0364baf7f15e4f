"""A person's own feature function, found by its name and never trusted."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from models.dataset import CandleArrays
from models.leakage.subject import FeatureSource, Matrix
from shared.domain.errors import BadInput

_FIELD = "--features"
_REMEDY = "return (values, names): float64 (n, k) with one row per candle, and k different names"


def feature_function(name: str) -> FeatureSource:
    """Return the function `package.module:function` as a source of features.

    It takes `models.dataset.CandleArrays` of one instrument, read-only, and returns a float64
    matrix (n, k), NaN where undefined, and k names.

    Raises:
        BadInput: it cannot be imported; later, from the source: it raised, or returned anything
            else.
    """
    function = _found(name)

    def source(candles: CandleArrays, _reference: CandleArrays) -> Matrix:
        try:
            returned = function(_read_only(candles))
        except Exception as error:
            raise _wrong(
                f"{name} raised {type(error).__name__}: {error}",
                f"mend it; it was given {len(candles.closed_at)} candles of {candles.symbol}",
            ) from error
        return _checked(name, returned, len(candles.closed_at))

    return source


def _found(name: str) -> Callable[[CandleArrays], Any]:
    module, colon, function = name.partition(":")
    if not (module and colon and function):
        raise _wrong(f"'{name}' is no name", "write package.module:function")
    try:
        found = getattr(import_module(module), function, None)
    except Exception as error:  # a module of somebody else may do anything while it is imported
        raise _wrong(
            f"{module} cannot be imported: {type(error).__name__}: {error}",
            "run from the folder it lies in, or install it",
        ) from error
    if not callable(found):
        raise _wrong(f"{module} has no function '{function}'", "write package.module:function")
    return found


def _read_only(candles: CandleArrays) -> CandleArrays:
    copy = candles.taken(np.arange(len(candles.closed_at)))
    for column in (copy.closed_at, copy.ohlcv, copy.is_filled):
        column.flags.writeable = False
    return copy


def _checked(name: str, returned: Any, count: int) -> Matrix:
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise _wrong(f"{name} returned {type(returned).__name__}, not a pair", _REMEDY)
    values, names = returned
    if not isinstance(values, np.ndarray) or values.dtype != np.float64 or values.ndim != 2:
        what = getattr(values, "dtype", type(values).__name__)
        shape = getattr(values, "shape", "none")
        raise _wrong(f"{name} returned values of type {what} and shape {shape}", _REMEDY)
    if isinstance(names, str) or not all(isinstance(one, str) and one for one in names):
        raise _wrong(f"{name} returned names that are not words", _REMEDY)
    if values.shape != (count, len(names)) or not len(names):
        raise _wrong(
            f"{name} returned shape {values.shape} and {len(names)} names for {count} candles",
            _REMEDY,
        )
    if len(set(names)) != len(names):
        raise _wrong(f"{name} returned a name twice", _REMEDY)
    if np.isinf(values).any():
        column = names[int(np.argmax(np.isinf(values).any(axis=0)))]
        raise _wrong(f"{name} returned an infinite '{column}'", "return NaN where it is undefined")
    return Matrix(names=tuple(names), values=values)


def _wrong(problem: str, remedy: str) -> BadInput:
    return BadInput(_FIELD, problem, remedy)
