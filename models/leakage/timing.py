"""L10: a trade is decided, then entered, then over; nothing is learned before it is over."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.dataset import CandleArrays
from models.evaluation.finding import Seen
from models.leakage.bench import Advance, Bench
from models.leakage.causality import poisoned
from models.leakage.subject import Floats, Outcomes
from models.validation import Fold

_LONGEST_STANDSTILL = 3
"""A market may stand still for this many candles; the features take no more for real either."""
_PROBES = 10
_SEED = 13


def time_order(bench: Bench, advance: Advance) -> Seen:
    """L10: the order of instants, of what labels depend on, of entries, and of every fold."""
    looks = (_rows_out_of_order, _labels_that_peek, _entries_without_a_trade, _folds_that_overlap)
    problems: list[str] = []
    for done, look in enumerate(looks, start=1):
        problems += look(bench)
        advance(done / len(looks))
    if problems:
        figures = {"problems": float(len(problems))}
        return Seen(is_well=False, detail="; ".join(problems), figures=figures)
    detail = "every trade is decided, then entered, then over, and learned from only after that"
    return Seen(is_well=True, detail=detail, figures={"rows": float(len(bench.rows))})


def looks_filled(ohlcv: Floats) -> NDArray[np.bool_]:
    """Return which candles (n, 5) only repeat what was known: no trade can have made them.

    They say exactly what the candle before says, or stand at its close without volume, in runs
    longer than three.
    """
    before = np.concatenate((np.full((1, 5), np.nan), ohlcv[:-1]))
    repeats = (ohlcv == before).all(axis=1)
    flat = (ohlcv[:, :4] == before[:, 3:4]).all(axis=1) & (ohlcv[:, 4] == 0)
    stands = repeats | flat
    edges = np.flatnonzero(np.diff(np.concatenate(([False], stands, [False])).astype(np.int8)))
    found = np.zeros(len(ohlcv), dtype=np.bool_)
    for first, stop in edges.reshape(-1, 2):
        found[first:stop] = stop - first > _LONGEST_STANDSTILL
    return found


def _rows_out_of_order(bench: Bench) -> Iterator[str]:
    rows = bench.rows
    for late, what in (
        (rows.entry_at <= rows.decided_at, "enter no later than they are decided"),
        (rows.label_end_at < rows.entry_at, "are over before they are entered"),
    ):
        if late.any():
            yield f"{int(late.sum())} rows {what}"


def _labels_that_peek(bench: Bench) -> Iterator[str]:
    """Look whether outcomes hang on candles up to the decision, or on those after their end."""
    draw = np.random.default_rng(_SEED)
    for number, instrument in enumerate(bench.subject.instruments):
        candles, barrier = instrument.candles, bench.barriers[number]
        outcomes = bench.subject.labels(candles, barrier)
        kept = np.flatnonzero(outcomes.is_kept)
        if not len(kept):
            continue
        for row in draw.choice(kept, min(_PROBES, len(kept)), replace=False).tolist():
            earlier = np.arange(row + 1)
            later = np.arange(int(outcomes.end_index[row]) + 1, len(barrier))
            for rows, what in ((earlier, "up to its decision"), (later, "after its end")):
                other = bench.subject.labels(poisoned(candles, rows, draw), barrier)
                if not _same(outcomes, other, row):
                    when = _when(candles, row)
                    yield f"the label of {candles.symbol} {when} hangs on candles {what}"
                    return


def _entries_without_a_trade(bench: Bench) -> Iterator[str]:
    rows = bench.rows
    for number, instrument in enumerate(bench.subject.instruments):
        candles = instrument.candles
        stands = candles.is_filled | looks_filled(candles.ohlcv)
        entered = np.searchsorted(candles.closed_at, rows.entry_at[rows.instrument == number])
        decided = rows.candle[rows.instrument == number]
        wrong = stands[decided] | stands[np.minimum(entered, len(stands) - 1)]
        if wrong.any():
            when = _when(candles, int(decided[np.argmax(wrong)]))
            yield (
                f"{int(wrong.sum())} rows of {candles.symbol} are decided or entered on candles "
                f"that nobody traded, first at {when}"
            )


def _folds_that_overlap(bench: Bench) -> Iterator[str]:
    for number, fold in enumerate(bench.folds, start=1):
        yield from (f"fold {number} {problem}" for problem in _overlaps(bench, fold))


def _overlaps(bench: Bench, fold: Fold) -> Iterator[str]:
    rows, embargo = bench.rows, bench.subject.embargo_seconds
    starts_at = int(rows.decided_at[fold.test].min())
    is_later = rows.decided_at[fold.train] >= starts_at
    reaches_in = (rows.label_end_at[fold.train] >= starts_at - embargo) & ~is_later
    if is_later.any():
        yield f"trains on {int(is_later.sum())} rows decided after its test begins"
    if reaches_in.any():
        yield f"trains on {int(reaches_in.sum())} labels that end inside its test or its embargo"


def _same(one: Outcomes, other: Outcomes, row: int) -> bool:
    return (
        one.y[row] == other.y[row]
        and one.gross[row] == other.gross[row]
        and one.end_index[row] == other.end_index[row]
    )


def _when(candles: CandleArrays, row: int) -> np.datetime64:
    return np.datetime64(int(candles.closed_at[row]), "s")
