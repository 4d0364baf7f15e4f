"""What makes one row no candle, whatever the other rows say."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from market_data.core.candles import RawRows
from market_data.core.findings import Finding, Kind, Mask, named
from shared.domain.enums import Interval

_SMALLEST_STEPS = 1e18  # in one: prices and volumes are kept with 18 decimals
_ALWAYS_KEPT = 0.01  # doubles from here on lie farther apart than the smallest step
_TOO_LARGE = 1e20
_SAME_VOLUME = 0.4  # log ratio: the two volumes agree through the close to within half


def with_volume_in_base(raw: RawRows) -> tuple[RawRows, list[Finding]]:
    """Swap the volumes of rows that agree through the close only the other way round."""
    if raw.quote_volume is None:
        return raw, []
    base, quote, close = raw.ohlcv[:, 4], raw.quote_volume, raw.ohlcv[:, 3]
    with np.errstate(all="ignore"):
        straight = np.abs(np.log(quote / (base * close)))
        reversed_ = np.abs(np.log(base / (quote * close)))
        swapped = (reversed_ < _SAME_VOLUME) & (straight > _SAME_VOLUME)
    ohlcv = raw.ohlcv.copy()
    ohlcv[swapped, 4] = quote[swapped]
    why = "volumes in base and quote were the wrong way round; put right"
    findings = named(Kind.SWAPPED_VOLUME, np.flatnonzero(swapped), raw, why)
    return replace(raw, ohlcv=ohlcv), findings


def refused_rows(raw: RawRows, interval: Interval) -> tuple[list[Finding], Mask]:
    """Return the findings and which rows can be candles; each row has its first reason only."""
    usable = np.ones(len(raw.open_at), dtype=np.bool_)
    findings: list[Finding] = []
    for kind, at_fault, why in _reasons(raw, interval):
        findings += named(kind, np.flatnonzero(at_fault & usable), raw, why)
        usable &= ~at_fault
    return findings, usable


def _reasons(raw: RawRows, interval: Interval) -> Sequence[tuple[Kind, Mask, str]]:
    open_, high, low, close, volume = raw.ohlcv.T
    prices = raw.ohlcv[:, :4]
    lossy = np.zeros(len(open_), dtype=np.bool_)
    lossy[list(raw.lossy)] = True
    lossy |= np.logical_or.reduce(_too_fine(prices), axis=1)
    with np.errstate(invalid="ignore"):
        priced = np.logical_and.reduce((prices > 0) & (prices < _TOO_LARGE), axis=1)
        counted = (volume >= 0) & (volume < _TOO_LARGE)
        outside = (high < np.maximum(open_, close)) | (low > np.minimum(open_, close))
    return (
        (Kind.OFF_GRID, raw.open_at % interval.seconds != 0, f"not on the {interval} grid"),
        (Kind.BAD_PRICE, np.logical_not(priced), "a price is not positive, missing or too large"),
        (Kind.BAD_VOLUME, ~counted, "volume is negative, missing or too large"),
        (Kind.INCONSISTENT, outside, "high or low does not contain open and close"),
        (Kind.TOO_PRECISE, lossy, "more digits than can be kept exactly"),
    )


def _too_fine(prices: NDArray[np.float64]) -> Mask:
    """Tell which prices, as written in full, have more than 18 decimals."""
    steps = np.rint(np.where(prices < _ALWAYS_KEPT, prices, 0.0) * _SMALLEST_STEPS)
    is_kept = np.logical_or.reduce(  # the product may be off by one
        [(steps + near) / _SMALLEST_STEPS == prices for near in (-1.0, 0.0, 1.0)]
    )
    return (prices > 0) & (prices < _ALWAYS_KEPT) & ~is_kept
