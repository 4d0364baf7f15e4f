"""What is looked at: candles, how features and labels are made of them, and how rows are cut."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.dataset import CandleArrays, beside, on_grid
from models.features import FEATURE_NAMES, batch
from models.labels import Cost, label_uniqueness, triple_barrier
from models.manifest import LabelRule, TradedMarket
from models.validation import Fold, Instants, WalkForwardRule, walk_forward
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matrix:
    """One row per candle, one column per name; NaN where a feature is undefined."""

    names: tuple[str, ...]
    values: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """What came of a trade decided on each candle; indices count candles.

    `entry_index` is the candle whose opening price is paid, `end_index` the one in which the trade
    ends (-1 where it never does); `is_kept` says which rows are learned from.
    """

    y: NDArray[np.int8]
    gross: Floats
    entry_index: NDArray[np.int64]
    end_index: NDArray[np.int64]
    uniqueness: Floats
    is_kept: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """What decisions were really taken on when their candles closed: (n,), (n, k).

    The first k features, rounded as they were stored, NaN where the service was not yet warm.
    """

    closed_at: Instants
    values: NDArray[np.float32] | Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instrument:
    """Candles without a hole, and the reference's beside them, NaN where it has none."""

    candles: CandleArrays
    reference: CandleArrays
    served: Served | None = None

    def __len__(self) -> int:
        return len(self.candles.closed_at)

    def between(self, first: int, stop: int) -> "Instrument":
        rows = np.arange(first, stop)
        return Instrument(candles=self.candles.taken(rows), reference=self.reference.taken(rows))


FeatureSource: TypeAlias = Callable[[CandleArrays, CandleArrays], Matrix]
LabelSource: TypeAlias = Callable[[CandleArrays, Floats], Outcomes]
"""Takes the candles (n, 5) and each one's barrier width as a ratio of the price (n,)."""
Cutter: TypeAlias = Callable[[Instants, Instants], tuple[Fold, ...]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    instruments: tuple[Instrument, ...]
    features: FeatureSource
    labels: LabelSource
    cut: Cutter
    horizon: int
    embargo_seconds: int


def instruments_of(
    data: Mapping[Symbol, CandleArrays], market: TradedMarket
) -> tuple[Instrument, ...]:
    """Return the instruments of the market with their references, as training sees them.

    Raises:
        BadInput: an instrument has no candles.
    """
    empty = [one for one in market.needed if one not in data or not len(data[one].closed_at)]
    if empty or not market.references:
        raise BadInput("candles", f"there are none of {empty or 'any'}", "import or generate some")
    found: list[Instrument] = []
    for symbol, reference in sorted(market.references.items()):
        own = on_grid(data[symbol], market.interval.seconds)
        found.append(Instrument(candles=own, reference=beside(own, data[reference])))
    return tuple(found)


def catalogue(candles: CandleArrays, reference: CandleArrays) -> Matrix:
    """Return the 86 features."""
    values = batch(candles.ohlcv, reference.ohlcv, candles.closed_at, candles.is_filled)
    return Matrix(names=FEATURE_NAMES, values=np.where(np.isfinite(values), values, np.nan))


def both(first: FeatureSource, second: FeatureSource) -> FeatureSource:
    """Return the columns of the first, then those of the second."""

    def joined(candles: CandleArrays, reference: CandleArrays) -> Matrix:
        left, right = first(candles, reference), second(candles, reference)
        values = np.concatenate((left.values, right.values), axis=1)
        return Matrix(names=left.names + right.names, values=values)

    return joined


def bracket_labels(rule: LabelRule) -> LabelSource:
    """Return the labels that models are trained on, and which of them are learned from."""
    cost = Cost(fee_ratio=rule.fee_ratio, slippage_ratio=rule.slippage_ratio)

    def labels(candles: CandleArrays, barrier: Floats) -> Outcomes:
        found = triple_barrier(
            candles.ohlcv, barrier, rule.horizon, rule.k_target, rule.k_stop, cost=cost
        )
        can_enter = ~candles.is_filled & ~np.append(candles.is_filled[1:], True)
        return Outcomes(
            y=found.y,
            gross=found.gross,
            entry_index=np.arange(1, len(barrier) + 1),
            end_index=found.end_index,
            uniqueness=label_uniqueness(found),
            is_kept=found.is_labelled & found.is_tradeable & can_enter,
        )

    return labels


def forward_folds(rule: WalkForwardRule) -> Cutter:
    """Return the walk-forward's folds, without its holdout: looking for leaks must not touch it."""

    def cut(decided_at: Instants, label_end_at: Instants) -> tuple[Fold, ...]:
        return walk_forward(decided_at, label_end_at, rule).folds

    return cut
