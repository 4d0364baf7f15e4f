"""What risk would know of the market and of how trading has gone, at a candle and not after it."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from backtest.inputs import CLOSE
from backtest.market import Market
from portfolio.core.trades import RoundTrip
from risk.core.conduct import ClosedTrip, Conduct, Outcome, conduct_of, heard
from risk.core.market import Markets, markets_of
from risk.core.tape import KEPT, Tape
from shared.domain.enums import OrderStatus
from shared.domain.ids import ClientOrderId, Symbol
from shared.domain.order import OrderSnapshot
from shared.domain.values import to_decimal


class Tapes:
    """Reads the tapes that risk would have kept, straight from the candles."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._traded = {symbol: _last_traded(market, symbol) for symbol in market.symbols}
        self._first = {symbol: int((rows < 0).sum()) for symbol, rows in self._traded.items()}

    def markets(self, symbols: Iterable[Symbol], now: datetime) -> Markets:
        """Return the market of these instruments as it is known at an instant."""
        tapes = [self.tape(symbol, now) for symbol in symbols]
        known = [tape for tape in tapes if tape is not None]
        return markets_of(known, self._market.interval.delta)

    def tape(self, symbol: Symbol, now: datetime) -> Tape | None:
        """Return the tape as it is at an instant, None before anything was traded."""
        seconds = self._market.arrays(symbol).closed_at
        row = int(seconds.searchsorted(int(now.timestamp()), side="right")) - 1
        traded = int(self._traded[symbol][row]) if row >= 0 else -1
        if traded < 0:
            return None
        closes = self._market.arrays(symbol).ohlcv[:, CLOSE]
        return Tape(
            symbol=symbol,
            closed_at=_instant(seconds[row]),
            closes=closes[self._places(symbol, row)],
            price=to_decimal(float(closes[traded])),
            traded_at=_instant(seconds[traded]),
        )

    def _places(self, symbol: Symbol, row: int) -> slice | NDArray[np.intp]:
        """Return the rows of the last closes, one per interval: the one before where there is none.

        They begin with the first candle that was traded in.
        """
        seconds, step = self._market.arrays(symbol).closed_at, self._market.interval.seconds
        first = self._first[symbol]
        start = max(row - KEPT + 1, first)
        if int(seconds[row] - seconds[start]) == (row - start) * step:
            return slice(start, row + 1)
        wanted = seconds[row] - step * np.arange(KEPT - 1, -1, -1)
        return seconds.searchsorted(wanted[wanted >= seconds[first]], side="right") - 1


def _last_traded(market: Market, symbol: Symbol) -> NDArray[np.int64]:
    """Return for each candle the last one up to it that was traded in, -1 before the first."""
    is_filled = market.arrays(symbol).is_filled
    return np.maximum.accumulate(np.where(is_filled, -1, np.arange(len(is_filled))))


def _instant(seconds: np.int64) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


class Record:
    """Round trips and orders as risk would have heard of them."""

    def __init__(self) -> None:
        self._trips: list[ClosedTrip] = []
        self._outcomes: dict[ClientOrderId, Outcome] = {}
        self._told: list[ClientOrderId] = []

    def hear_trip(self, trip: RoundTrip) -> None:
        assert trip.closed_at is not None
        closed = ClosedTrip(trip_id=trip.trip_id, closed_at=trip.closed_at, pnl=trip.pnl)
        insort(self._trips, closed, key=lambda one: (one.closed_at, one.trip_id))

    def hear_order(self, order: OrderSnapshot) -> None:
        before = self._outcomes.get(order.client_order_id)
        after = heard(before, order)
        if after is not before:
            self._outcomes[order.client_order_id] = after
            self._told.append(order.client_order_id)

    def conduct(self, now: datetime, window: timedelta) -> Conduct:
        return conduct_of(reversed(self._trips), self._tally(now - window))

    def _tally(self, since: datetime) -> Counter[OrderStatus]:
        """Return how the orders stand of which anything was said after `since`."""
        counted: dict[ClientOrderId, OrderStatus] = {}
        for identity in reversed(self._told):
            outcome = self._outcomes[identity]
            if outcome.changed_at <= since:
                break
            counted[identity] = outcome.status
        return Counter(counted.values())
