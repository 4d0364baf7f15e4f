"""Why a model's signal is to hold: every reason by its one name, and what it means."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """Stored with the signal, said on the wire, counted in `signal_refusals_total`."""

    COVERAGE = "coverage"
    REQUIRED_MISSING = "required_missing"
    GROUP_MISSING = "group_missing"
    GAP_FILLED = "gap_filled"
    STALE = "stale"
    NO_MODEL = "no_model"
    MODEL_UNHEALTHY = "model_unhealthy"
    MODEL_EXPIRED = "model_expired"
    DRIFTED = "drifted"
    MISCALIBRATED = "miscalibrated"
    OUT_OF_DISTRIBUTION = "out_of_distribution"
    NO_BARRIER = "no_barrier"
    COST_BARRIER = "cost_barrier"
    BELOW_BREAKEVEN = "below_breakeven"


MEANING: Final[Mapping[Refusal, str]] = {
    Refusal.COVERAGE: "fewer than 90 % of the features are there",
    Refusal.REQUIRED_MISSING: "a feature that the barrier or the regime is measured by is missing",
    Refusal.GROUP_MISSING: "a group of features has less than 60 % of its members",
    Refusal.GAP_FILLED: "the candle bridges a gap: nobody traded at its prices",
    Refusal.STALE: "the candle came too late to be acted on (stale_after_intervals)",
    Refusal.NO_MODEL: "no release in service speaks for this instrument",
    Refusal.MODEL_UNHEALTHY: "a monitor of the release that speaks is red",
    Refusal.MODEL_EXPIRED: "the release is older than three retrain intervals",
    Refusal.DRIFTED: "what the model says is distributed unlike in training: its drift factor is 0",
    Refusal.MISCALIBRATED: "its probabilities did not come true: its live factor is 0",
    Refusal.OUT_OF_DISTRIBUTION: "too many features lie outside the range seen in training",
    Refusal.NO_BARRIER: "no bracket can be drawn: its width is unknown or reaches zero",
    Refusal.COST_BARRIER: "the bracket is narrower than ten times the cost of the round trip",
    Refusal.BELOW_BREAKEVEN: "nothing is wrong, but the trade is not worth its costs",
}
