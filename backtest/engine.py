"""The loop: candle by candle as the services would go, stopping only where something can happen."""

import gc
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from heapq import heappop, heappush

from backtest.account import Account
from backtest.desk import Desk
from backtest.floor import Floor
from backtest.inputs import BacktestSpec, Speakers
from backtest.market import Market
from backtest.opinions import Opinions
from backtest.result import BacktestResult, Decisions, Outcome
from backtest.tally import per_instrument
from models.dataset import CandleArrays
from portfolio.core.performance import Activity, candles_per_year, measure
from shared.domain.candle import shards
from shared.domain.enums import Action, TradingState
from shared.domain.errors import BadInput
from shared.domain.events import EquityMarked
from shared.domain.ids import Symbol
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.signal import Signal

Report = Callable[[float], None]
_REPORTS = 100


def _silently(share: float) -> None:
    del share


def run(
    spec: BacktestSpec,
    data: Mapping[Symbol, CandleArrays],
    speakers: Speakers,
    name: str = "strategy",
    report: Report = _silently,
) -> BacktestResult:
    """Return everything the services would have decided and done about these candles.

    `report` is told, now and then, which share of the candles is behind.

    Raises:
        BadInput: no money, no candles, candles that cannot be, or of what is not traded.
    """
    spec.refuse_moving_rates(data)
    if spec.opening_total <= 0:
        raise BadInput(
            "PORTFOLIO__OPENING_BALANCE",
            f"nothing can be bought with {spec.opening_total}",
            "set it above 0, and TRADING_MODE to mock or paper: live books open with nothing",
        )
    market = Market(data, spec.interval)
    with _keeping_everything():
        return Engine(spec, market, Opinions(market, spec, speakers)).run(name, report)


@contextmanager
def _keeping_everything() -> Generator[None]:
    """Hold the collector: a run makes no cycles, and it would walk every decision kept so far."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Engine:
    """In one candle: orders meet it, fills are booked, the account is marked, then decisions."""

    def __init__(self, spec: BacktestSpec, market: Market, opinions: Opinions) -> None:
        self._spec = spec
        self._market = market
        self._opinions = opinions
        self._account = Account(
            market, spec.account, spec.opening_balance, spec.currencies, spec.opening_balances
        )
        self._desk = Desk(spec, market)
        self._floor = Floor(spec, market, self._hear)
        self._shards = tuple(shards(market.symbols))
        self._agenda: list[tuple[int, Symbol]] = []
        self._due: dict[Symbol, int] = {}
        self._at = -1

    def run(self, name: str, report: Report = _silently) -> BacktestResult:
        for symbol in self._market.symbols:
            self._schedule(symbol)
        reported = 0
        while self._agenda:
            at, symbols = self._next()
            if at >= reported:
                report(at / len(self._market))
                reported = at + len(self._market) // _REPORTS
            self._watch(at - 1)
            self._at = at
            self._visit(symbols)
            for symbol in symbols:
                self._schedule(symbol)
        self._watch(len(self._market) - 1)
        return self._result(name, self._account.mark(len(self._market) - 1))

    def _visit(self, symbols: Sequence[Symbol]) -> None:
        for symbol in symbols:
            candle = self._market.candle(symbol, self._at)
            if candle is not None:
                self._floor.match(candle)
        signals = {
            symbol: signal
            for symbol in symbols
            if self._may_act(symbol) and (signal := self._signal(symbol)) is not None
        }
        if signals:
            self._decide(signals)

    def _decide(self, signals: Mapping[Symbol, Signal]) -> None:
        marked = self._account.mark(self._at)
        self._look_at(marked)
        for shard in self._shards:
            said = [signals[symbol] for symbol in shard if symbol in signals]
            for approved in self._desk.decide(said, marked) if said else ():
                if not self._floor.send(approved, self._desk.state):
                    self._desk.release(approved)

    def _may_act(self, symbol: Symbol) -> bool:
        """Whether the recommender could propose anything about the instrument at this candle."""
        held = self._desk.positions.get(symbol)
        if held is None:
            is_free = not self._floor.is_working(symbol) and self._desk.state is TradingState.RUN
            return is_free and self._opinions.next_buy(symbol, self._at - 1) == self._at
        if held.horizon_at is not None and self._market.closed_at(self._at) >= held.horizon_at:
            return True
        return self._opinions.next_sell(symbol, self._at - 1) == self._at

    def _signal(self, symbol: Symbol) -> Signal | None:
        """Return a signal that leads to a proposal, None where it holds after all."""
        signal = self._opinions.signal(symbol, self._at)
        if signal is None or symbol in self._desk.positions:
            return signal
        return signal if signal.action is Action.BUY else None

    def _hear(self, order: OrderSnapshot, fill: Fill | None) -> None:
        self._desk.hear_order(order)
        if fill is not None:
            over = len(self._account.trips)
            owned = self._account.book(fill, order.exit_reason, self._at)
            self._desk.hear_fill(order, fill, owned)
            for trip in self._account.trips[over:]:
                self._desk.hear_trip(trip)

    def _watch(self, to: int) -> None:
        """Let the candles up to `to` pass, looking for a loss that ends trading."""
        limits = self._spec.risk.limits
        ratios = limits.max_drawdown_ratio, limits.max_day_loss_ratio
        while self._desk.state is TradingState.RUN:
            place = self._account.first_fall(to, *ratios)
            if place is None:
                return
            self._look_at(self._account.mark(place))

    def _look_at(self, marked: EquityMarked) -> None:
        if self._desk.watch(marked):
            self._floor.stop_entries(marked.as_of)

    def _next(self) -> tuple[int, list[Symbol]]:
        """Return the next candle where something can happen, and in which instruments."""
        at = self._agenda[0][0]
        symbols: set[Symbol] = set()
        while self._agenda and self._agenda[0][0] == at:
            _, symbol = heappop(self._agenda)
            if self._due.get(symbol) == at:
                symbols.add(symbol)
        return at, sorted(symbols)

    def _schedule(self, symbol: Symbol) -> None:
        place = self._wake(symbol)
        self._due[symbol] = place
        if place < len(self._market):
            heappush(self._agenda, (place, symbol))

    def _wake(self, symbol: Symbol) -> int:
        """Return the next candle at which something can happen to the instrument."""
        following = self._at + 1
        if self._floor.is_working(symbol):
            return following
        held = self._desk.positions.get(symbol)
        if held is None:
            return self._opinions.next_buy(symbol, self._at)
        place = self._opinions.next_sell(symbol, self._at)
        if held.horizon_at is not None:
            place = min(place, max(self._market.index_of(held.horizon_at), following))
        for bracket in self._floor.brackets(symbol):
            place = self._market.next_touch(symbol, bracket, following, place)
        return place

    def _result(self, name: str, final: EquityMarked) -> BacktestResult:
        curve = self._account.curve()
        activity = Activity(
            trips=self._account.trips,
            traded_notional=self._account.traded_notional,
            fees=final.fees,
        )
        per_year = candles_per_year(self._spec.interval)
        figures = measure(curve.drawn, curve.invested_ratio, activity, per_year)
        return BacktestResult(
            outcome=Outcome(name=name, curve=curve, performance=figures),
            decisions=Decisions(
                recommendations=tuple(self._desk.recommendations),
                verdicts=tuple(self._desk.verdicts),
                orders=tuple(self._floor.orders.values()),
                fills=tuple(self._floor.fills),
                trips=self._account.all_trips,
            ),
            final=final,
            instruments=per_instrument(self._market, self._account),
        )
