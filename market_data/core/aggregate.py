"""Candles of a longer interval, made of complete ones of a shorter."""

import numpy as np

from market_data.core.candles import Series
from shared.domain.enums import Interval
from shared.domain.errors import BadInput

_VOLUME_DECIMALS = 8  # drops the binary dust of adding up decimals


def aggregate(series: Series, interval: Interval) -> Series:
    """Return candles of `interval`; a period with a missing part is left out.

    A period counts as bridged when any part of it was.

    Raises:
        BadInput: `interval` is not a multiple of the series' own.
    """
    parts, rest = divmod(interval.seconds, series.interval.seconds)
    if rest or parts < 1:
        raise BadInput(
            "interval", f"{interval} is no multiple of {series.interval}", "choose a longer one"
        )
    if not len(series):
        return series.between(None, None)
    period = series.open_at // interval.seconds
    starts = np.flatnonzero(np.r_[True, period[1:] != period[:-1]])
    counts = np.diff(np.r_[starts, len(period)])
    ends = starts + counts - 1
    ohlcv = np.column_stack(
        (
            series.ohlcv[starts, 0],
            np.maximum.reduceat(series.ohlcv[:, 1], starts),
            np.minimum.reduceat(series.ohlcv[:, 2], starts),
            series.ohlcv[ends, 3],
            np.add.reduceat(series.ohlcv[:, 4], starts),
        )
    )
    ohlcv[:, 4] = ohlcv[:, 4].round(_VOLUME_DECIMALS)
    whole = counts == parts
    return Series(
        symbol=series.symbol,
        interval=interval,
        open_at=(period[starts] * interval.seconds)[whole],
        ohlcv=ohlcv[whole],
        is_filled=np.logical_or.reduceat(series.is_filled, starts)[whole],
    )
