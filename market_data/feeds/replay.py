"""Recorded candles, instant by instant."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np

from market_data.core.candles import Series
from market_data.feeds.port import ClosedInstant


class ReplayFeed:
    """Merges several instruments on one time line."""

    name = "replay"

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = sorted(series, key=lambda one: one.symbol)

    def instants(self, after: datetime | None) -> Iterator[ClosedInstant]:
        closes = [one.closed_at for one in self._series]
        if not closes:
            return
        line = np.unique(np.concatenate(closes))
        if after is not None:
            line = line[line > after.timestamp()]
        places = [np.searchsorted(one, line) for one in closes]
        for step, closed_at in enumerate(line):
            candles = tuple(
                one.candle(int(place[step]))
                for one, close, place in zip(self._series, closes, places, strict=True)
                if place[step] < len(close) and close[place[step]] == closed_at
            )
            yield ClosedInstant(
                closed_at=datetime.fromtimestamp(int(closed_at), UTC), candles=candles
            )
