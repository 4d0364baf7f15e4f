"""What the executor and the simulated venue would do, through their own cores."""

from collections.abc import Callable, Iterable
from datetime import datetime

from backtest.inputs import BacktestSpec
from backtest.market import Market
from executor.core.book import InstrumentBook, match_candle
from executor.core.matching import refusal, venue_order_id
from executor.core.order import OrderState, snapshot
from executor.core.planning import obstacle, plan
from executor.core.steps import Step, accept, claim, reject, stop
from shared.domain.bracket import Bracket
from shared.domain.candle import Candle
from shared.domain.enums import Purpose, TradingState
from shared.domain.ids import ClientOrderId, Symbol
from shared.domain.order import Fill, OrderSnapshot
from shared.domain.verdict import Approved

Hear = Callable[[OrderSnapshot, Fill | None], None]


class Floor:
    """Orders of all instruments; `hear` is told every fill, and how orders stand after a candle."""

    def __init__(self, spec: BacktestSpec, market: Market, hear: Hear) -> None:
        self._policy = spec.orders
        self._hear = hear
        self._listings = {symbol: spec.listing(symbol) for symbol in market.symbols}
        self._books = {symbol: InstrumentBook() for symbol in market.symbols}
        self.orders: dict[ClientOrderId, OrderSnapshot] = {}
        self.fills: list[Fill] = []

    def is_working(self, symbol: Symbol) -> bool:
        return bool(self._books[symbol].orders)

    def brackets(self, symbol: Symbol) -> Iterable[Bracket]:
        """Return the brackets that stand."""
        for holding in self._books[symbol].holdings:
            if holding.bracket is not None:
                yield holding.bracket

    def match(self, candle: Candle) -> None:
        """Let one closed candle meet what is at work in its instrument."""
        book = self._books[candle.symbol]
        if not book.orders and not book.holdings:
            return
        matched = match_candle(book, candle, self._listings[candle.symbol])
        self._books[candle.symbol] = matched.book
        last = {step.state.order.client_order_id: step for step in matched.steps}
        for step in matched.steps:
            # what is overtaken within the same candle changes nothing that anybody decides by
            if step.fill is not None or last[step.state.order.client_order_id] is step:
                self._tell(step)

    def send(self, approved: Approved, state: TradingState) -> bool:
        """Claim, send, and book the venue's answer; False where the approval is not acted on."""
        at = approved.decided_at
        if obstacle(state, approved.purpose, at, approved.expires_at) is not None:
            return False
        order = plan(approved, self._policy)
        claimed = claim(order, at).state
        reason = refusal(order, self._listings[order.symbol].instrument)
        if reason is not None:
            self._tell(reject(claimed, reason, at))
            return True
        accepted = self._tell(accept(claimed, venue_order_id(order), at))
        self._books[order.symbol] = self._books[order.symbol].with_order(accepted)
        return True

    def stop_entries(self, at: datetime) -> None:
        """Cancel every entry that still waits."""
        for symbol, book in self._books.items():
            waiting = [state for state in book.orders if state.order.purpose is Purpose.ENTRY]
            self._books[symbol] = book.without(waiting)
            for state in waiting:
                self._tell(stop(state, at))

    def _tell(self, step: Step) -> OrderState:
        order = snapshot(step.state, step.at)
        self.orders[order.client_order_id] = order
        if step.fill is not None:
            self.fills.append(step.fill)
        self._hear(order, step.fill)
        return step.state
