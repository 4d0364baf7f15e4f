"""L4 to L9: what quick trees can tell, and what they must not.

The limits are those of ml.md 4.4. Where there are too few effective labels for a limit to be
outside of chance, it is that many standard errors of what chance does instead (ADR 0011).
"""

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from models.evaluation.finding import Seen
from models.leakage.bench import Advance, Bench
from models.validation import Fold

DRAWS = 8
_SHIFT = 3
_ERRORS = 3.0
_ERRORS_OF_MAX = 4.0
_MEAN_LIMIT, _MAX_LIMIT = 0.015, 0.03
_MIN_RISE, _MAX_FALL = 0.03, 0.03
_MAX_AUC, _MAX_TOP = 0.15, 0.20
_FEWEST_SHIFTED = 500
_SHUFFLES = 4
_SEED = 17


def label_shift(bench: Bench, advance: Advance) -> Seen:
    """L4: outcomes moved along in time cannot be told; they keep their autocorrelation."""
    draw = np.random.default_rng(_SEED)
    scores: list[float] = []
    for done in range(DRAWS):
        score = bench.course.score(_shifted(bench, draw))
        scores.append(score.auc)
        advance((done + 1) / DRAWS)
    mean, most = float(np.mean(scores)), max(scores)
    error = max(bench.score.auc_error, float(np.std(scores, ddof=1)))
    mean_limit = max(_MEAN_LIMIT, _ERRORS * error / sqrt(DRAWS))
    max_limit = max(_MAX_LIMIT, _ERRORS_OF_MAX * error)
    is_well = abs(mean - 0.5) <= mean_limit and most - 0.5 < max_limit
    verb = "cannot" if is_well else "can"
    ceiling = 0.5 + max_limit
    return Seen(
        is_well=is_well,
        detail=f"shifted labels {verb} be told: AUC {mean:.4f} on average "
        f"(0.5 +- {mean_limit:.4f}), {most:.4f} at most (below {ceiling:.4f})",
        figures={"mean": mean, "max": most, "mean_limit": mean_limit, "max_limit": max_limit},
    )


def positive_control(bench: Bench, advance: Advance) -> Seen:
    """L5: features of three candles later must tell more, else no leak could be seen here."""
    moved = bench.course_of(bench.folds, _SHIFT).score(bench.rows.y)
    advance(1.0)
    rise = moved.auc - bench.score.auc
    is_well = rise > _MIN_RISE
    told = "as it must" if is_well else "too little: a leak would not be seen, or is there already"
    return Seen(
        is_well=is_well,
        detail=f"features from {_SHIFT} candles ahead lift the AUC by {rise:.4f}, {told}",
        figures={"auc": bench.score.auc, "auc_ahead": moved.auc, "rise": rise, "limit": _MIN_RISE},
    )


def staleness(bench: Bench, advance: Advance) -> Seen:
    """L6: features of three candles earlier tell nearly as much: the edge can be reached."""
    moved = bench.course_of(bench.folds, -_SHIFT).score(bench.rows.y)
    advance(1.0)
    fall = bench.score.auc - moved.auc
    limit = max(_MAX_FALL, _ERRORS * bench.score.auc_error)
    return Seen(
        is_well=fall <= limit,
        detail=f"with features {_SHIFT} candles old the AUC is {moved.auc:.4f} instead of "
        f"{bench.score.auc:.4f} (it may fall by {limit:.4f})",
        figures={"auc": bench.score.auc, "auc_stale": moved.auc, "fall": fall, "limit": limit},
    )


def purge_effect(bench: Bench, advance: Advance) -> Seen:
    """L7: what labels that reach into the test would have added."""
    folds = tuple(_unpurged(bench))
    advance(0.5)
    if not folds:
        return Seen(is_well=None, detail="no test has rows before it: there is nothing to purge")
    loose = bench.course_of(folds).score(bench.rows.y)
    advance(1.0)
    effect = loose.auc - bench.score.auc
    return Seen(
        is_well=None,
        detail=f"without the purge the AUC is {loose.auc:.4f} instead of {bench.score.auc:.4f}",
        figures={"auc": bench.score.auc, "auc_unpurged": loose.auc, "effect": effect},
    )


def split_alarm(bench: Bench, advance: Advance) -> Seen:
    """L8: what a shuffled split would have claimed."""
    shuffled = bench.course_of(shuffled_folds(len(bench.rows))).score(bench.rows.y)
    advance(1.0)
    lie = shuffled.auc - bench.score.auc
    return Seen(
        is_well=None,
        detail=f"a shuffled split would claim an AUC of {shuffled.auc:.4f}, {lie:+.4f}",
        figures={"auc": bench.score.auc, "auc_shuffled": shuffled.auc, "lie": lie},
    )


def too_good(bench: Bench, advance: Advance) -> Seen:
    """L9: honest skill is small; more is a leak until a person has shown that it is not."""
    score = bench.score
    advance(1.0)
    auc_limit = 0.5 + max(_MAX_AUC, _ERRORS * score.auc_error)
    top_limit = score.base_rate + max(_MAX_TOP, _ERRORS * score.top_error)
    is_well = score.auc <= auc_limit and score.top_precision <= top_limit
    return Seen(
        is_well=is_well,
        detail=f"AUC {score.auc:.4f} (at most {auc_limit:.4f}), {score.top_precision:.1%} wins in "
        f"the best tenth (at most {top_limit:.1%}, {score.base_rate:.1%} in all), "
        f"on {score.n_effective:.0f} effective labels",
        figures={
            "auc": score.auc,
            "auc_error": score.auc_error,
            "auc_limit": auc_limit,
            "top_precision": score.top_precision,
            "top_limit": top_limit,
            "base_rate": score.base_rate,
            "n_effective": score.n_effective,
        },
    )


def shuffled_folds(count: int) -> tuple[Fold, ...]:
    """Return four folds that know no time."""
    order = np.random.default_rng(_SEED).permutation(count)
    parts = [np.sort(part) for part in np.array_split(order, _SHUFFLES)]
    everyone = np.arange(count)
    return tuple(Fold(train=np.setdiff1d(everyone, part), test=part) for part in parts)


def _shifted(bench: Bench, draw: np.random.Generator) -> NDArray[np.int8]:
    """Return the outcomes, each instrument's moved in a circle by 500 rows or more."""
    rows = bench.rows
    y = rows.y.copy()
    for number in np.unique(rows.instrument):
        mine = rows.instrument == number
        count = int(mine.sum())
        least = min(_FEWEST_SHIFTED, count // 3)
        y[mine] = np.roll(y[mine], int(draw.integers(least, max(count - least, least + 1))))
    return y


def _unpurged(bench: Bench) -> Iterator[Fold]:
    decided_at = bench.rows.decided_at
    for fold in bench.folds:
        earlier = np.flatnonzero(decided_at < decided_at[fold.test].min())
        if len(earlier):
            yield Fold(train=earlier, test=fold.test)
