"""Compiled code is loaded when it is first called: better before the first candle than with it."""

import numpy as np

from models.features.coverage import coverage_of
from models.features.engine import FeatureEngine, batch
from models.features.layout import IN_REFERENCE


def load_compiled() -> None:
    """Load the compiled step, or compile it where no cache holds it (about ten seconds)."""
    flat = np.ones((1, IN_REFERENCE))
    batch(flat, flat, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.bool_))
    coverage_of(FeatureEngine().step(flat[0], flat[0], closed_at=0, is_filled=False))
