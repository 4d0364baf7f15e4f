"""What may be bet on, how much of the equity it may take, and the candles it is traded on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.dataset import CandleArrays
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol
from shared.domain.kelly import (
    FRACTION_CEILING,
    LOWER_BOUND_QUANTILE,
    MAX_EXPOSURE_RATIO,
    MAX_POSITION_RATIO,
    PRIOR_WEIGHT,
)

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]

_OPEN, _CLOSE = 0, 3
_RATIOS = ("probability", "confidence")
_MEASURES = ("gross", "net", "barrier", "probability", "neighbours", "confidence")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bets:
    """One row per decision that may be traded (m,), in any order; instants are Unix seconds.

    instrument    column of the prices
    decided_at    closing of the candle decided on; the trade enters at the next open
    end_at        closing of the candle in which the trade ends
    gross, net    what it pays per unit of capital committed, before and after costs
    barrier       width of the bracket, as a ratio of the price
    probability   calibrated, that `net` is above 0
    neighbours    effective labels behind the probability
    confidence    0..1
    """

    instrument: Instants
    decided_at: Instants
    end_at: Instants
    gross: Floats
    net: Floats
    barrier: Floats
    probability: Floats
    neighbours: Floats
    confidence: Floats

    def __len__(self) -> int:
        return len(self.instrument)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What binds positions held together; all but the costs are shares of equity.

    `correlation` is assumed between any two of them. `entry_cost`: what one unit of notional costs
    to buy, slippage and fee included. `worst_cost`: what it takes of the room at most.
    """

    cap: float
    exposure: float
    correlation: float
    entry_cost: float
    worst_cost: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sizing:
    """What production sizes by; the first three per instrument (n,), the rest as risk's limits.

    `a_win`, `a_loss`: mean gross win and loss in units of the barrier. `collar`: how much worse
    than the close an entry may fill, which counts when the room is shared out.
    """

    a_win: Floats
    a_loss: Floats
    reference_kelly: Floats
    fee_ratio: float
    slippage_ratio: float
    cap: float = MAX_POSITION_RATIO
    exposure: float = MAX_EXPOSURE_RATIO
    correlation: float = 0.3
    min_margin: float = 0.01
    quantile: float = LOWER_BOUND_QUANTILE
    prior: float = PRIOR_WEIGHT
    ceiling: float = FRACTION_CEILING
    min_barrier_costs: float = 10.0
    collar: float = 0.005

    @property
    def round_trip(self) -> float:
        return 2 * (self.fee_ratio + self.slippage_ratio)

    @property
    def caps(self) -> Caps:
        return Caps(
            cap=self.cap,
            exposure=self.exposure,
            correlation=self.correlation,
            entry_cost=(1 + self.slippage_ratio) * (1 + self.fee_ratio),
            worst_cost=(1 + self.collar) * (1 + self.fee_ratio),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prices:
    """Candles of n instruments on one regular grid of closings (T,); NaN where nothing traded."""

    instants: Instants
    open: Floats
    close: Floats

    @property
    def instruments(self) -> int:
        return self.open.shape[1]

    def places(self, instants: Instants) -> NDArray[np.intp]:
        """Return the rows of these closings.

        Raises:
            BadInput: one of them is not on the grid.
        """
        rows = np.searchsorted(self.instants, instants)
        inside = np.minimum(rows, len(self.instants) - 1)
        if (self.instants[inside] != instants).any():
            raise BadInput(
                "prices",
                "a bet is decided or ends where they have no candle",
                "give prices from the first decision until the last end, on the same grid",
            )
        return rows


def prices_of(
    data: Mapping[Symbol, CandleArrays], symbols: Sequence[Symbol], step: int, first: int, last: int
) -> Prices:
    """Return the candles that close from `first` to `last`, one column per symbol.

    A candle that only bridges a gap counts as none: nothing traded at its price.

    Raises:
        BadInput: there is no period between the two instants.
    """
    if step <= 0 or last < first:
        raise BadInput("prices", "cover no period", "give a first instant before the last")
    instants = np.arange(first, last + 1, step, dtype=np.int64)
    open_ = np.full((len(instants), len(symbols)), np.nan)
    close = open_.copy()
    for column, symbol in enumerate(symbols):
        candles = data[symbol].between(first, last)
        seconds = candles.closed_at - first
        is_kept = ~candles.is_filled & (seconds % step == 0)
        rows = seconds[is_kept] // step
        open_[rows, column] = candles.ohlcv[is_kept, _OPEN]
        close[rows, column] = candles.ohlcv[is_kept, _CLOSE]
    return Prices(instants=instants, open=open_, close=close)


def check_bets(bets: Bets, instruments: int) -> None:
    """Refuse bets that cannot be judged by money.

    Raises:
        BadInput: columns that differ in length, values that are not finite or out of range, an end
            that is not after the decision, two bets on one instrument at one instant.
    """
    if any(getattr(bets, name).shape != bets.instrument.shape for name in Bets.__slots__):
        raise BadInput("bets", "the columns differ in length", "give one value per decision")
    _check_values(bets)
    if ((bets.instrument < 0) | (bets.instrument >= instruments)).any():
        raise BadInput("bets.instrument", "is no column of the prices", "give prices of all")
    if (bets.net <= -1).any():
        raise BadInput("bets.net", "loses more than was committed", "give long trades only")
    if (bets.end_at <= bets.decided_at).any():
        raise BadInput("bets.end_at", "is not after the decision", "mend the label")
    order = np.lexsort((bets.instrument, bets.decided_at))
    is_same = np.diff(bets.instrument[order]) == 0
    if (is_same & (np.diff(bets.decided_at[order]) == 0)).any():
        raise BadInput("bets", "hold two for one instrument at one instant", "keep one of them")


def _check_values(bets: Bets) -> None:
    for name in _MEASURES:
        if not np.isfinite(getattr(bets, name)).all():
            raise BadInput(f"bets.{name}", "is not a number somewhere", "leave out such rows")
    for name in _RATIOS:
        values = getattr(bets, name)
        if ((values < 0) | (values > 1)).any():
            raise BadInput(f"bets.{name}", "leaves 0..1", "calibrate it")
