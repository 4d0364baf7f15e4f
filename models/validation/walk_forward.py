"""Expanding walk-forward: learn from all that was known, be tested on the month that follows."""

from dataclasses import dataclass

import numpy as np

from models.validation.fold import Fold, Indices, Instants, check_rows
from shared.domain.errors import BadInput

_DAY = 86_400
_STOPPING_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardRule:
    """ml.md 4.1; `embargo_seconds` is the horizon of a label."""

    embargo_seconds: int
    folds: int = 6
    test_days: int = 30
    first_train_days: int = 180
    holdout_days: int = 45

    def __post_init__(self) -> None:
        lengths = (self.folds, self.test_days, self.first_train_days, self.holdout_days)
        if min(lengths) < 1 or self.embargo_seconds < 0:
            raise BadInput("folds", "leave no time to train or to test", "give positive lengths")

    @property
    def days_needed(self) -> int:
        return self.first_train_days + self.folds * self.test_days + self.holdout_days


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WalkForward:
    """The folds, oldest first, and what is kept apart.

    `holdout.test` judges a finished model once; `holdout.train` is all that may be known by then,
    and holds every row of every fold.
    """

    folds: tuple[Fold, ...]
    holdout: Fold


def walk_forward(
    decided_at: Instants, label_end_at: Instants, rule: WalkForwardRule
) -> WalkForward:
    """Cut rows of any order at instants, the same for all instruments.

    Time is cut backwards from the last decision: the holdout, before it the test blocks one behind
    the other, before them what trains the first fold. A row teaches a fold only where its label
    ends more than an embargo before the block begins; likewise a row is in any fold only where its
    label ends more than an embargo before the holdout begins. Instants are Unix seconds (m,).

    A block without a row to test - a quiet month, when no barrier was wide enough for its costs -
    makes no fold.

    Raises:
        BadInput: the rows span too few days, a block has no row to train on, or only one of several
            blocks or none has rows to test.
    """
    check_rows(decided_at, label_end_at)
    after_last = int(decided_at.max()) + 1
    _check_length(int(decided_at.min()), after_last, rule)
    holdout_from = after_last - rule.holdout_days * _DAY
    known = label_end_at < holdout_from - rule.embargo_seconds
    starts = [holdout_from - left * rule.test_days * _DAY for left in range(rule.folds, 0, -1)]
    folds: list[Fold] = []
    for start in starts:
        in_block = (decided_at >= start) & (decided_at < start + rule.test_days * _DAY)
        train = known & (label_end_at < start - rule.embargo_seconds)
        if (in_block & known).any():
            folds.append(_fold(train, in_block & known, start))
    if len(folds) < min(rule.folds, 2):
        raise BadInput(
            "history",
            f"only {len(folds)} of {rule.folds} test blocks have a row",
            "test longer blocks, or give more instruments or a longer horizon: more is tradeable",
        )
    return WalkForward(
        folds=tuple(folds), holdout=_fold(known, decided_at >= holdout_from, holdout_from)
    )


def stopping_tail(
    fold: Fold,
    decided_at: Instants,
    label_end_at: Instants,
    embargo_seconds: int,
    share: float = _STOPPING_SHARE,
) -> Fold:
    """Cut the training rows of a fold: its latest `share` by time says when to stop growing.

    Raises:
        BadInput: nothing is left on one of the two sides.
    """
    times = decided_at[fold.train]
    first, last = int(times.min()), int(times.max())
    start = last + 1 - int((last + 1 - first) * share)
    grows = label_end_at[fold.train] < start - embargo_seconds
    cut = _fold(grows, times >= start, start)
    return Fold(train=fold.train[cut.train], test=fold.train[cut.test])


def _check_length(first: int, after_last: int, rule: WalkForwardRule) -> None:
    if after_last - first >= rule.days_needed * _DAY:
        return
    days = (after_last - first) * 10 // _DAY / 10
    raise BadInput(
        "history",
        f"rows span {days} days, {rule.days_needed} are needed "
        f"({rule.first_train_days} to train, {rule.folds} x {rule.test_days} to test, "
        f"{rule.holdout_days} held out)",
        "give a longer history; the first 17 days of hourly candles only warm the features up",
    )


def _fold(train: np.ndarray, test: np.ndarray, start: int) -> Fold:
    fold = Fold(train=_rows(train), test=_rows(test))
    for rows, what in ((fold.train, "train before"), (fold.test, "test from")):
        if not len(rows):
            when = np.datetime64(start, "s")
            raise BadInput("history", f"there is no row to {what} {when} (UTC)", "close the gap")
    return fold


def _rows(chosen: np.ndarray) -> Indices:
    return np.flatnonzero(chosen)
