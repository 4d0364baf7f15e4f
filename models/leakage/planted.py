"""Eight leaks that people really make, each planted into an otherwise clean subject."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.dataset import CandleArrays
from models.leakage.made import (
    HORIZON,
    RULE,
    Market,
    beside_columns,
    plain,
    rescaled,
    subject_of,
    windows,
    with_reference,
    with_yesterday,
)
from models.leakage.skill import shuffled_folds
from models.leakage.subject import Floats, Instrument, Matrix, Outcomes, Subject
from models.validation import Fold, Instants, walk_forward

_GAP = slice(3_000, 3_060)
_RESTATED = -200


def clean(number: int) -> Subject:
    """Return a subject without a leak; they differ in market, holes, honest skill and features."""
    features = (plain, with_reference, rescaled, with_yesterday)[number % 4]
    momentum = (0.0, 0.25)[number // 4 % 2]
    market = Market(seed=100 + number, momentum=momentum, has_hole=number % 3 == 1)
    return subject_of(market, features)


def centred_window(seed: int) -> Subject:
    """A mean over as many candles after as before."""

    def features(candles: CandleArrays, reference: CandleArrays) -> Matrix:
        close = candles.ohlcv[:, 3]
        mean = np.roll(windows(close, 13).mean(axis=1), -6)
        mean[-6:] = np.nan
        return beside_columns(plain(candles, reference), {"centred_13": close / mean - 1.0})

    return subject_of(Market(seed=seed), features)


def future_join(seed: int) -> Subject:
    """A day's return joined to every hour of that day, by its date."""

    def features(candles: CandleArrays, reference: CandleArrays) -> Matrix:
        close, day_of = candles.ohlcv[:, 3], (candles.closed_at - 1) // 86_400
        _, first, place = np.unique(day_of, return_index=True, return_inverse=True)
        last = np.append(first[1:], len(close)) - 1
        day = np.log(close[last] / candles.ohlcv[first, 0])
        return beside_columns(plain(candles, reference), {"today": day[place]})

    return subject_of(Market(seed=seed), features)


def scaler_fitted_on_everything(seed: int) -> Subject:
    """Columns standardised by the mean and deviation of the whole history."""

    def features(candles: CandleArrays, reference: CandleArrays) -> Matrix:
        found = plain(candles, reference)
        mean, deviation = np.nanmean(found.values, axis=0), np.nanstd(found.values, axis=0)
        return Matrix(names=found.names, values=(found.values - mean) / deviation)

    return subject_of(Market(seed=seed), features)


def label_overlap(seed: int) -> Subject:
    """Folds cut by decision alone: the last labels of the training end inside the test."""

    def cut(decided_at: Instants, label_end_at: Instants) -> tuple[Fold, ...]:
        folds = walk_forward(decided_at, label_end_at, RULE).folds
        return tuple(
            Fold(train=np.flatnonzero(decided_at < decided_at[one.test].min()), test=one.test)
            for one in folds
        )

    return replace(subject_of(Market(seed=seed), plain), cut=cut)


def same_candle_entry(seed: int) -> Subject:
    """Labels that enter at the close of the very candle that decides."""
    subject = subject_of(Market(seed=seed), plain)

    def labels(candles: CandleArrays, barrier: Floats) -> Outcomes:
        honest = subject.labels(candles, barrier)
        close = candles.ohlcv[:, 3]
        gross = np.full(len(close), np.nan)
        gross[:-HORIZON] = close[HORIZON:] / close[:-HORIZON] - 1.0
        return replace(
            honest,
            gross=gross,
            y=(gross > 0.003).astype(np.int8),
            end_index=np.minimum(np.arange(len(close)) + HORIZON, len(close) - 1),
            is_kept=honest.is_kept & np.isfinite(gross),
        )

    return replace(subject, labels=labels)


def shuffled_split(seed: int) -> Subject:
    """K folds that know no time."""

    def cut(decided_at: Instants, _label_end_at: Instants) -> tuple[Fold, ...]:
        return shuffled_folds(len(decided_at))

    return replace(subject_of(Market(seed=seed), plain), cut=cut)


def forward_filled_gap(seed: int) -> Subject:
    """Sixty hours without data, filled with the last candle and not marked."""

    def filled(instrument: Instrument) -> Instrument:
        candles = instrument.candles
        ohlcv = candles.ohlcv.copy()
        ohlcv[_GAP] = ohlcv[_GAP.start - 1]
        return replace(instrument, candles=_with_prices(candles, ohlcv))

    subject = subject_of(Market(seed=seed), plain)
    return replace(subject, instruments=tuple(filled(one) for one in subject.instruments))


def restated_candle(seed: int) -> Subject:
    """One candle in the store differs from what was known when it closed."""

    def restated(instrument: Instrument) -> Instrument:
        candles = instrument.candles
        ohlcv = candles.ohlcv.copy()
        ohlcv[_RESTATED, 3] = (ohlcv[_RESTATED, 1] + ohlcv[_RESTATED, 2]) / 2
        return replace(instrument, candles=_with_prices(candles, ohlcv))

    subject = subject_of(Market(seed=seed), plain)
    first, *others = subject.instruments
    return replace(subject, instruments=(restated(first), *others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """`caught_by` is the check that must fail; others may as well."""

    name: str
    plant: Callable[[int], Subject]
    caught_by: str


LEAKS = (
    Leak(name="centred window", plant=centred_window, caught_by="L1"),
    Leak(name="future join", plant=future_join, caught_by="L1"),
    Leak(name="scaler fitted on everything", plant=scaler_fitted_on_everything, caught_by="L1"),
    Leak(name="label overlap", plant=label_overlap, caught_by="L10"),
    Leak(name="same-candle entry", plant=same_candle_entry, caught_by="L10"),
    Leak(name="shuffled split", plant=shuffled_split, caught_by="L10"),
    Leak(name="forward-filled gap", plant=forward_filled_gap, caught_by="L10"),
    Leak(name="restated candle", plant=restated_candle, caught_by="L2"),
)


def _with_prices(candles: CandleArrays, ohlcv: Floats) -> CandleArrays:
    return CandleArrays(
        symbol=candles.symbol,
        closed_at=candles.closed_at,
        ohlcv=ohlcv,
        is_filled=candles.is_filled,
    )
