"""86 scale-free features of closed candles: one compiled step for history and for streaming."""

from models.features.barrier import MIN_BARRIER_COSTS, barrier_ratio, barrier_ratios
from models.features.catalogue import (
    CATALOGUE,
    FEATURE_NAMES,
    GROUPS,
    REQUIRED,
    SCHEMA_VERSION,
    WARM_UP,
    Feature,
    schema_hash,
)
from models.features.coverage import Coverage, coverage_of
from models.features.engine import FeatureEngine, batch, candles_needed
from models.features.layout import FEATURES, LOOKBACK, WINDOW
from models.features.warm import load_compiled

__all__ = [
    "CATALOGUE",
    "FEATURES",
    "FEATURE_NAMES",
    "GROUPS",
    "LOOKBACK",
    "MIN_BARRIER_COSTS",
    "REQUIRED",
    "SCHEMA_VERSION",
    "WARM_UP",
    "WINDOW",
    "Coverage",
    "Feature",
    "FeatureEngine",
    "barrier_ratio",
    "barrier_ratios",
    "batch",
    "candles_needed",
    "coverage_of",
    "load_compiled",
    "schema_hash",
]
