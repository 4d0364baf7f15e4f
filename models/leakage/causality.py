"""L1, L2, L3: no feature knows what comes after its candle, and the live tail gives the same."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.dataset import CandleArrays
from models.evaluation.finding import Seen
from models.features import LOOKBACK
from models.leakage.bench import Advance, Bench
from models.leakage.subject import Floats, Instrument, Matrix, Served

CUTS = 40
POISONINGS = 10
_EXACT, _TAIL = 1e-12, 1e-6
_SERVED = 1e-5
"""A service began its recursions elsewhere: once warm they differ by 5.8e-6 sd at most."""
_SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The worst difference between two rows of the same features, in standard deviations."""

    deviations: float
    missing: int
    where: str

    def exceeds(self, limit: float) -> bool:
        return self.missing > 0 or self.deviations > limit


_NO_GAP = Gap(deviations=0.0, missing=0, where="")


def truncation(bench: Bench, advance: Advance) -> Seen:
    """L1: what later candles do not change is the same without them, from the first row on."""
    worst = _NO_GAP
    for instrument, matrix, cut in _cuts(bench, CUTS, advance):
        cut_off = instrument.between(0, cut + 1)
        found = bench.subject.features(cut_off.candles, cut_off.reference)
        worst = _worse(worst, _gap(matrix, found, slice(cut + 1), instrument))
    return _seen(worst, _EXACT, "without the candles after it, a row's features")


def tail_parity(bench: Bench, advance: Advance) -> Seen:
    """L2: the last 512 candles give what the history gives, and so did those of the day itself."""
    worst = _NO_GAP
    for instrument, matrix, cut in _cuts(bench, CUTS, advance):
        tail = instrument.between(cut + 1 - LOOKBACK, cut + 1)
        found = bench.subject.features(tail.candles, tail.reference)
        last = Matrix(names=found.names, values=found.values[-1:])
        worst = _worse(worst, _gap(matrix, last, slice(cut, cut + 1), instrument))
    seen = _seen(worst, _TAIL, f"from the last {LOOKBACK} candles alone, a row's features")
    restated = _restated(bench)
    if not restated.exceeds(_SERVED):
        return seen
    figures = {"worst_sd": restated.deviations, "missing": float(restated.missing)}
    detail = f"the candles were restated: what was decided on differs at {restated.where}"
    return Seen(is_well=False, detail=detail, figures=figures)


def future_poison(bench: Bench, advance: Advance) -> Seen:
    """L3: garbage in all candles behind a row changes nothing in it or before it."""
    worst = _NO_GAP
    draw = np.random.default_rng(_SEED)
    for instrument, matrix, cut in _cuts(bench, POISONINGS, advance):
        own, reference = (
            poisoned(one, np.arange(cut + 1, len(instrument)), draw)
            for one in (instrument.candles, instrument.reference)
        )
        found = bench.subject.features(own, reference)
        worst = _worse(worst, _gap(matrix, found, slice(cut + 1), instrument))
    return _seen(worst, 0.0, "with garbage after it, a row's features")


def poisoned(
    candles: CandleArrays, rows: NDArray[np.intp], draw: np.random.Generator
) -> CandleArrays:
    """Return the candles with other, valid ones in these rows: nothing of the old ones is left."""
    ohlcv = candles.ohlcv.copy()
    is_filled = candles.is_filled.copy()
    body = np.exp(draw.normal(3.0, 2.0, (len(rows), 2)))
    wick = 1.0 + draw.random((len(rows), 2))
    ohlcv[rows, 0], ohlcv[rows, 3] = body[:, 0], body[:, 1]
    ohlcv[rows, 1] = body.max(axis=1) * wick[:, 0]
    ohlcv[rows, 2] = body.min(axis=1) / wick[:, 1]
    ohlcv[rows, 4] = np.exp(draw.normal(5.0, 2.0, len(rows)))
    is_filled[rows] = False
    return CandleArrays(
        symbol=candles.symbol, closed_at=candles.closed_at, ohlcv=ohlcv, is_filled=is_filled
    )


def _cuts(bench: Bench, count: int, advance: Advance) -> Iterator[tuple[Instrument, Matrix, int]]:
    """Yield candles at random, warm and with others behind them, of each instrument."""
    draw = np.random.default_rng(_SEED)
    instruments = bench.subject.instruments
    for number, instrument in enumerate(instruments):
        first = min(LOOKBACK, len(instrument) - 1)
        cuts = draw.integers(first, max(len(instrument) - 1, first + 1), count)
        for done, cut in enumerate(cuts.tolist()):
            yield instrument, bench.matrices[number], cut
            advance((number + (done + 1) / count) / len(instruments))


def _restated(bench: Bench) -> Gap:
    worst = _NO_GAP
    for instrument, matrix in zip(bench.subject.instruments, bench.matrices, strict=True):
        if instrument.served is not None:
            worst = _worse(worst, _gap_to_served(instrument, matrix, instrument.served))
    return worst


def _gap_to_served(instrument: Instrument, matrix: Matrix, served: Served) -> Gap:
    closed_at = instrument.candles.closed_at
    place = np.minimum(np.searchsorted(closed_at, served.closed_at), len(closed_at) - 1)
    is_there = closed_at[place] == served.closed_at
    rows, told = place[is_there], served.values[is_there]
    columns = slice(told.shape[1])
    names, values = matrix.names[columns], matrix.values[:, columns]
    known = np.where(np.isnan(told), np.nan, values[rows])  # a service may have been less warm
    rounding = float(np.finfo(told.dtype).eps) * np.abs(told)
    return _worst(
        names,
        _Pair(
            known=known,
            found=told.astype(np.float64),
            scale=_scale(values),
            rounding=rounding,
        ),
        instrument,
        closed_at[rows],
    )


def _gap(matrix: Matrix, found: Matrix, rows: slice, instrument: Instrument) -> Gap:
    if found.names != matrix.names:
        return Gap(deviations=np.inf, missing=1, where="the names of the columns")
    known = matrix.values[rows]
    pair = _Pair(
        known=known,
        found=found.values[: len(known)],
        scale=_scale(matrix.values),
        rounding=np.zeros(1),
    )
    return _worst(matrix.names, pair, instrument, instrument.candles.closed_at[rows])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pair:
    known: Floats
    found: Floats
    scale: Floats
    rounding: Floats


def _worst(
    names: tuple[str, ...], pair: _Pair, instrument: Instrument, closed_at: NDArray[np.int64]
) -> Gap:
    missing = np.isnan(pair.known) != np.isnan(pair.found)
    off = np.maximum(np.abs(pair.known - pair.found) - pair.rounding, 0.0) / pair.scale
    off = np.nan_to_num(off, nan=0.0, posinf=np.inf)
    if not off.size or not (missing.any() or (off > 0).any()):
        return _NO_GAP
    row, column = np.unravel_index(np.argmax(np.where(missing, np.inf, off)), off.shape)
    when = np.datetime64(int(closed_at[row]), "s")
    return Gap(
        deviations=float(off.max()),
        missing=int(missing.sum()),
        where=f"{instrument.candles.symbol} {when} '{names[int(column)]}'",
    )


def _scale(values: Floats) -> Floats:
    """Return the standard deviation of each column, 1 where it has none."""
    finite = np.isfinite(values)
    count = np.maximum(finite.sum(axis=0), 1)
    known = np.where(finite, values, 0.0)
    mean = known.sum(axis=0) / count
    deviation = np.sqrt((np.where(finite, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return np.where(deviation > 0, deviation, 1.0)


def _worse(one: Gap, other: Gap) -> Gap:
    return max(one, other, key=lambda gap: (gap.missing > 0, gap.deviations, gap.missing))


def _seen(worst: Gap, limit: float, what: str) -> Seen:
    is_well = not worst.exceeds(limit)
    figures = {"worst_sd": worst.deviations, "missing": float(worst.missing), "limit_sd": limit}
    if is_well:
        return Seen(is_well=True, detail=f"{what} stay the same", figures=figures)
    how = f"by {worst.deviations:.3g} sd" + (f", {worst.missing} gone" if worst.missing else "")
    return Seen(
        is_well=False, detail=f"{what} change {how}, most at {worst.where}", figures=figures
    )
