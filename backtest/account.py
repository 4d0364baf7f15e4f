"""One account over time: exact where a decision needs it, floats along the curve in between."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from backtest.market import Market
from backtest.result import Curve
from portfolio.core.books import follow
from portfolio.core.currencies import Currencies
from portfolio.core.equity import Holdings, Watermark, mark, opening_watermark, watermark_of
from portfolio.core.flow import flow_of, times
from portfolio.core.position import Position, apply
from portfolio.core.trades import RoundTrip
from shared.domain.enums import ExitReason
from shared.domain.events import EquityMarked
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact

_NEAR_TIE = 1e-9


def _kept(ratio: float) -> float:
    """Return what a fall leaves, and a little more: what is near is looked at exactly."""
    return (1.0 - ratio) * (1.0 + _NEAR_TIE)


class Account:
    """What portfolio would have booked and marked.

    Portfolio marks every candle. Between two decisions nothing is traded, so only what a later
    mark can see is worked out exactly: the highest equity of the stretch, and the equity at
    midnight. The highest is found in floats; every candle that comes within 1e-9 of it is computed
    exactly and the largest of those is taken.
    """

    def __init__(
        self,
        market: Market,
        account: AccountId,
        opening_balance: Decimal,
        currencies: Currencies | None = None,
        others: Mapping[str, Decimal] | None = None,
    ) -> None:
        """Open it; `others` is what there is of further quotes, each worth as much as the first."""
        self._market = market
        self._account = account
        self._currencies = currencies
        self._funds: dict[str, Decimal] = {}
        if currencies is not None and not currencies.is_one:
            self._funds = dict.fromkeys(currencies.quotes, ZERO)
            self._funds |= {currencies.reporting: opening_balance, **(others or {})}
            opening_balance = sum(self._funds.values(), ZERO)
        self.cash = opening_balance
        self.positions: dict[Symbol, Position] = {}
        self.trips: list[RoundTrip] = []
        self.traded_notional = ZERO
        self._open_trips: dict[Symbol, RoundTrip] = {}
        self._watermark = opening_watermark(opening_balance)
        self._reached = -1
        self._drawn = 0
        self._curve = np.empty(len(market) + 1)
        self._curve[0] = float(opening_balance)
        self._equity = self._curve[1:]
        self._invested = np.zeros(len(market))

    @property
    def all_trips(self) -> tuple[RoundTrip, ...]:
        """Return the closed round trips, then those still open."""
        return (*self.trips, *self._open_trips.values())

    def book(self, fill: Fill, reason: ExitReason | None, at: int) -> Position:
        """Apply one fill of candle `at`; everything before that candle is marked first."""
        self.advance(at - 1)
        flow = flow_of(fill)
        before = self.positions.get(fill.symbol) or Position(symbol=fill.symbol)
        position = apply(before, flow, fill.filled_at)
        self.positions[fill.symbol] = position
        self.cash = exact(MONEY.add(self.cash, flow.quote))
        if self._funds:
            quote = split_symbol(fill.symbol)[1]
            self._funds[quote] = exact(MONEY.add(self._funds[quote], flow.quote))
        self.traded_notional = MONEY.add(self.traded_notional, flow.notional)
        open_trip = self._open_trips.get(fill.symbol)
        trip = follow(open_trip, fill, flow, is_open=position.is_open, reason=reason)
        if position.is_open:
            self._open_trips[fill.symbol] = trip
        else:
            self._open_trips.pop(fill.symbol, None)
            self.trips.append(trip)
        return position

    def mark(self, at: int) -> EquityMarked:
        """Return the mark of candle `at`, exactly as portfolio announces it."""
        self.advance(at - 1)
        prices = {symbol: self._market.price(symbol, at) for symbol in self._open_trips}
        held = tuple(self.positions[symbol] for symbol in sorted(self.positions))
        holdings = Holdings(
            account=self._account,
            cash=self.cash,
            positions=held,
            currencies=self._currencies,
            cash_by_asset=self._funds,
        )
        marked = mark(holdings, prices, self._watermark, self._market.closed_at(at))
        self._watermark = watermark_of(marked)
        self._equity[at] = float(marked.equity)
        self._invested[at] = float(marked.equity) - float(marked.cash)
        self._drawn = max(self._drawn, at + 1)
        self._reached = at
        return marked

    def advance(self, to: int) -> None:
        """Let the candles up to `to` pass with what is held now."""
        start, stop = self._reached + 1, to + 1
        if stop <= start:
            return
        self._draw(start, stop)
        known = self._watermark
        self._watermark = Watermark(
            as_of=self._market.closed_at(to),
            # only a day that does not begin with a candle at midnight will ask for it
            equity=self._worth(to) if self._market.is_midnight_missed(stop) else known.equity,
            peak_equity=self._peak(start, stop),
            day_start_equity=self._day_start(to),
        )
        self._reached = to

    def first_fall(self, to: int, drawdown: float, day_loss: float) -> int | None:
        """Return the first candle up to `to` where the drawdown or the day's loss may be so deep.

        Both are ratios, the one of the peak, the other of the equity at midnight.
        """
        start, stop = self._reached + 1, to + 1
        if stop <= start:
            return None
        known, midnight = self._watermark, float(self._watermark.day_start_equity)
        peak = float(known.peak_equity)
        if not self._open_trips:  # what does not move falls no deeper later
            is_today = self._market.first_of_day(start) <= self._reached
            highest = max(peak * _kept(drawdown), midnight * _kept(day_loss) if is_today else 0.0)
            return start if float(self.cash) <= highest else None
        self._draw(start, stop)
        stretch = self._equity[start:stop]
        top = max(float(stretch.max()), peak, midnight, float(known.equity))
        if float(stretch.min()) > top * _kept(min(drawdown, day_loss)):
            return None
        is_deep = stretch <= np.maximum.accumulate(np.maximum(stretch, peak)) * _kept(drawdown)
        is_deep |= stretch <= self._midnights(start, stop) * _kept(day_loss)
        found = np.flatnonzero(is_deep)
        return start + int(found[0]) if len(found) else None

    def _midnights(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the equity that the day of each candle began with."""
        found = np.empty(stop - start)
        at = start
        while at < stop:
            first = self._market.first_of_day(at)
            end = min(self._market.day_after(at), stop)
            if first <= self._reached:
                began = float(self._watermark.day_start_equity)
            elif not self._market.is_midnight_missed(first):
                began = float(self._equity[first])
            elif first - 1 == self._reached:
                began = float(self._watermark.equity)
            else:
                began = float(self._equity[first - 1])
            found[at - start : end - start] = began
            at = end
        return found

    def curve(self) -> Curve:
        """Return the whole curve, the opening balance first."""
        return Curve(
            seconds=np.concatenate(([self._market.opened_at], self._market.seconds)),
            equity=self._curve,
            invested_ratio=self._invested / self._equity,
        )

    def _draw(self, start: int, stop: int) -> None:
        """Draw the curve with what is held now, where it is not drawn yet."""
        start = max(start, self._drawn)
        if stop <= start:
            return
        self._drawn = stop
        if not self._open_trips:
            self._equity[start:stop] = float(self.cash)
            return
        invested = self._invested[start:stop]
        for symbol in self._open_trips:
            held = float(self.positions[symbol].quantity)
            invested += self._market.closes[symbol][start:stop] * held
        np.add(invested, float(self.cash), out=self._equity[start:stop])

    def _worth(self, at: int) -> Decimal:
        """Return the exact equity at a candle with what is held now."""
        worth = self.cash
        for symbol in self._open_trips:
            price = self._market.price(symbol, at)
            worth = MONEY.add(worth, times(self.positions[symbol].quantity, price))
        return worth

    def _peak(self, start: int, stop: int) -> Decimal:
        known = self._watermark.peak_equity
        if not self._open_trips:
            return max(known, self.cash)
        stretch = self._equity[start:stop]
        top = float(stretch.max())
        if top < float(known) * (1.0 - _NEAR_TIE):
            return known
        near = np.flatnonzero(stretch >= top * (1.0 - _NEAR_TIE))
        return max(known, *(self._worth(start + int(at)) for at in self._distinct(near, start)))

    def _distinct(self, near: NDArray[np.intp], start: int) -> NDArray[np.intp]:
        """Leave out candles whose prices were the same: a flat market ties everywhere."""
        if len(near) == 1:
            return near
        prices = [self._market.closes[symbol][start + near] for symbol in self._open_trips]
        _, first = np.unique(np.stack(prices), axis=1, return_index=True)
        return near[first]

    def _day_start(self, to: int) -> Decimal:
        first = self._market.first_of_day(to)
        if first <= self._reached:
            return self._watermark.day_start_equity
        if not self._market.is_midnight_missed(first):
            return self._worth(first)
        return self._watermark.equity if first - 1 == self._reached else self._worth(first - 1)
