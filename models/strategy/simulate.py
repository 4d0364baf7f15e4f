"""What bets would have made of equity 1, candle by candle, after costs.

One position per instrument, held until its trade ends: the rule of the label is the rule of the
exit. Left out of what production does: lots, the smallest order, halts, and closes that differ from
the next open.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import fsum, isfinite

import numpy as np
from numpy.typing import NDArray

from models.strategy.bets import Bets, Caps, Prices, Sizing, check_bets
from models.strategy.sizing import may_pay, wanted_ratio
from shared.domain.kelly import correlation_haircut, portfolio_sizes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Instants = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trades:
    """Trades made (k,), in the order of their decisions; `size` is the share of equity committed.

    `net`: what each paid per unit of capital committed.
    """

    decided_at: Instants
    end_at: Instants
    instrument: Instants
    size: Floats
    net: Floats

    def __len__(self) -> int:
        return len(self.net)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """The account at every close (T,), beginning with equity 1.

    `returns` are per candle, 0 at the first; `exposure` is the share of equity invested from the
    open of each candle on; `turnover` is bought notional over mean equity.
    """

    instants: Instants
    equity: Floats
    returns: Floats
    exposure: Floats
    trades: Trades
    turnover: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """Trades one may enter: rows (m,) of the price grid they are decided at and end in.

    `may_enter` leaves out rows that certainly deserve nothing; `wanted` tells what share of equity
    a row deserves before caps and company, and is asked only where its instrument is free.
    """

    instrument: Instants
    decided: Indices
    ends: Indices
    net: Floats
    may_enter: NDArray[np.bool_]
    wanted: Callable[[int], float]


def trade(bets: Bets, sizing: Sizing, prices: Prices) -> Course:
    """Return what trading these bets with the production sizing would have made of equity 1.

    A bet whose next candle is missing is not entered.

    Raises:
        BadInput: bets that cannot be judged, or prices that do not reach from the first decision to
            the last end.
    """
    check_bets(bets, prices.instruments)
    plan = Plan(
        instrument=bets.instrument,
        decided=prices.places(bets.decided_at),
        ends=prices.places(bets.end_at),
        net=bets.net,
        may_enter=may_pay(bets, sizing),
        wanted=lambda row: wanted_ratio(bets, row, sizing),
    )
    return follow(plan, sizing.caps, prices)


def follow(plan: Plan, caps: Caps, prices: Prices) -> Course:
    """Return what entering every planned trade that finds its instrument free would have made.

    Positions are marked at every close; where an instrument has no candle, at the last one it had.
    """
    count = len(prices.instants)
    equity, exposure = np.ones(count), np.zeros(count)
    account = _Account()
    waiting = _by_candle(plan, prices)
    for candle in range(count):
        account.close(candle, prices.close[candle])
        equity[candle] = account.equity
        rows = next(waiting)
        if rows:
            account.enter(rows, plan, caps, prices.open[candle + 1])
        if candle + 1 < count:
            exposure[candle + 1] = 1 - account.cash / account.equity
    return Course(
        instants=prices.instants,
        equity=equity,
        returns=np.concatenate(([0.0], equity[1:] / equity[:-1] - 1)),
        exposure=exposure,
        trades=_trades(account, plan, prices),
        turnover=fsum(account.bought) / caps.entry_cost / float(equity.mean()),
    )


def _by_candle(plan: Plan, prices: Prices) -> Iterator[list[int]]:
    """Yield, for every candle, the rows decided on it that may be entered at the next open."""
    count = len(prices.instants)
    following = np.minimum(plan.decided + 1, count - 1)
    is_open = plan.may_enter & (plan.decided + 1 < count)
    is_open &= np.isfinite(prices.open[following, plan.instrument])
    rows = np.flatnonzero(is_open)
    rows = rows[np.lexsort((plan.instrument[rows], plan.decided[rows]))]
    bounds = np.searchsorted(plan.decided[rows], np.arange(count + 1)).tolist()
    ordered: list[int] = rows.tolist()
    for candle in range(count):
        yield ordered[bounds[candle] : bounds[candle + 1]]


def _trades(account: "_Account", plan: Plan, prices: Prices) -> Trades:
    rows = np.array(account.rows, dtype=np.intp)
    return Trades(
        decided_at=prices.instants[plan.decided[rows]],
        end_at=prices.instants[plan.ends[rows]],
        instrument=plan.instrument[rows],
        size=np.array(account.sizes, dtype=np.float64),
        net=plan.net[rows],
    )


@dataclass(slots=True, kw_only=True)
class _Position:
    """`base`: what one unit cost, so that a mark is capital x close / base."""

    capital: float
    base: float
    ends: int
    net: float
    value: float


@dataclass(slots=True, kw_only=True)
class _Account:
    """Cash and positions; `rows`, `sizes` and `bought` are of the trades entered so far."""

    cash: float = 1.0
    equity: float = 1.0
    held: dict[int, _Position] = field(default_factory=dict[int, _Position])
    rows: list[int] = field(default_factory=list[int])
    sizes: list[float] = field(default_factory=list[float])
    bought: list[float] = field(default_factory=list[float])

    def close(self, candle: int, closes: Floats) -> None:
        """Settle the trades that end in this candle and mark the others at its close."""
        for instrument, position in list(self.held.items()):
            if position.ends == candle:
                self.cash += position.capital * (1 + position.net)
                del self.held[instrument]
                continue
            price = float(closes[instrument])
            if isfinite(price):
                position.value = position.capital * price / position.base
        self.equity = self.cash + self.invested()

    def invested(self) -> float:
        return fsum(position.value for position in self.held.values())

    def enter(self, rows: list[int], plan: Plan, caps: Caps, opens: Floats) -> None:
        """Share the room out to the rows that deserve some; they fill at the next open."""
        free = (row for row in rows if int(plan.instrument[row]) not in self.held)
        wanted = {row: ratio for row in free if (ratio := plan.wanted(row)) > 0}
        haircut = correlation_haircut(len(self.held) + len(wanted), caps.correlation)
        sizes = portfolio_sizes(
            list(wanted.values()),
            [haircut] * len(wanted),
            held=self.invested() / self.equity,
            cap=caps.cap,
            total=caps.exposure,
            cost=caps.worst_cost,
        )
        for row, size in zip(wanted, sizes, strict=True):
            if size > 0:
                self._buy(row, size, plan, float(opens[plan.instrument[row]]) * caps.entry_cost)

    def _buy(self, row: int, size: float, plan: Plan, base: float) -> None:
        capital = size * self.equity
        self.cash -= capital
        self.held[int(plan.instrument[row])] = _Position(
            capital=capital,
            base=base,
            ends=int(plan.ends[row]),
            net=float(plan.net[row]),
            value=capital,
        )
        self.rows.append(row)
        self.sizes.append(size)
        self.bought.append(capital)
