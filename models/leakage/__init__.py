"""Does anything know the future? Ten checks on candles, features, labels and splits."""

from models.evaluation.finding import Finding, Verdict
from models.leakage.lint import CHECKS, lint
from models.leakage.plugin import feature_function
from models.leakage.selftest import SelfTest, selftest
from models.leakage.subject import (
    Instrument,
    Served,
    Subject,
    both,
    bracket_labels,
    catalogue,
    forward_folds,
    instruments_of,
)

__all__ = [
    "CHECKS",
    "Finding",
    "Instrument",
    "SelfTest",
    "Served",
    "Subject",
    "Verdict",
    "both",
    "bracket_labels",
    "catalogue",
    "feature_function",
    "forward_folds",
    "instruments_of",
    "lint",
    "selftest",
]
