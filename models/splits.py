"""Cutting rows by time, all instruments at once: no label is learned before it was known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.domain.errors import BadInput

Instants = NDArray[np.int64]
Rows = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares of the rows, the latest in `holdout`; what is left trains."""

    stopping: float = 0.12
    calibration: float = 0.20
    holdout: float = 0.10

    def __post_init__(self) -> None:
        parts = (self.stopping, self.calibration, self.holdout)
        if min(parts) <= 0 or sum(parts) >= 0.9:
            raise BadInput("shares", "leave no time to train", "give positive shares below 0.9")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Which rows go where; every label ends, and an embargo passes, before the next part begins.

    `train` grows trees, `stopping` says when to stop, `calibration` turns margins into
    probabilities and measures payoffs, `holdout` judges and fits nothing.
    """

    train: Rows
    stopping: Rows
    calibration: Rows
    holdout: Rows


def time_split(
    closed_at: Instants,
    label_end_at: Instants,
    shares: Shares,
    embargo_seconds: int,
) -> Split:
    """Return the parts of the rows: cut at instants, the same for all instruments.

    Raises:
        BadInput: there are no rows.
    """
    if not len(closed_at):
        raise BadInput("candles", "give no labelled row", "give a longer history, or lower costs")
    known = 1 - shares.holdout
    stopping_from, calibration_from, holdout_from = (
        int(np.quantile(closed_at, share, method="higher"))
        for share in (
            known - shares.calibration - shares.stopping,
            known - shares.calibration,
            known,
        )
    )

    def part(first: int, following: int) -> Rows:
        return (closed_at >= first) & purged(label_end_at, following, embargo_seconds)

    return Split(
        train=purged(label_end_at, stopping_from, embargo_seconds),
        stopping=part(stopping_from, calibration_from),
        calibration=part(calibration_from, holdout_from),
        holdout=closed_at >= holdout_from,
    )


def purged(label_end_at: Instants, following: int, embargo_seconds: int) -> Rows:
    """Return the rows whose label ends more than an embargo before the next part begins.

    Its end, not its beginning, decides: a label that reaches into the next part has seen it.
    """
    return label_end_at < following - embargo_seconds
