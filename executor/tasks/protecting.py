"""Keeps the brackets of what is held, tick by tick."""

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event

from executor.core.book import InstrumentBook
from executor.core.order import OrderState
from executor.core.protecting import Tick, protect
from executor.core.steps import Step, approve, give_up, request_cancel
from executor.repository import orders, requests
from executor.repository.lists import traded_symbols
from executor.tasks.line import CANCELER, SENDER, Line, attempt
from shared.bus.unit_of_work import UnitOfWork
from shared.db.control import lock_trading_state
from shared.domain.enums import OrderStatus, TradingState
from shared.domain.ids import Symbol
from shared.domain.venue import TopOfBook, TradingRules

_MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class _Turn:
    """Where a round had to stop, and for how long the venue wants to be left alone."""

    at: Symbol | None = None
    pause: float = 0.0

    def rotated(self, symbols: list[Symbol]) -> list[Symbol]:
        begin = 0 if self.at is None or self.at not in symbols else symbols.index(self.at)
        return [*symbols[begin:], *symbols[:begin]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protector:
    line: Line
    _turn: _Turn = field(default_factory=_Turn)

    def run(self, stop: Event) -> None:
        while not stop.is_set():
            pause = attempt(self.round, "protecting")
            stop.wait(max(pause, self._turn.pause, self.line.pauses.ticks))

    def round(self) -> None:
        """Look at the price of everything that is held or being bought, each in its turn."""
        line = self.line
        self._turn.pause = 0.0
        if line.board.problem(line.leadership.token) is not None:
            return
        with line.transactions.read() as connection:
            symbols = traded_symbols(connection, line.account)
        for symbol in self._turn.rotated(symbols):
            self._turn.at = symbol
            pause = attempt(lambda symbol=symbol: self.look_after(symbol), "protecting")
            if pause:  # the venue's limit: go on with this one when it allows
                self._turn.pause = pause
                return
        self._turn.at = None

    def look_after(self, symbol: Symbol) -> None:
        """Do for one instrument what its brackets ask for at the price of now."""
        line = self.line
        rules = line.board.rules(symbol)
        if rules is None:
            return
        quote = line.ask_quote(symbol)
        if line.transactions.attempt(lambda uow: self._protect(symbol, quote, rules, uow)):
            line.ring(SENDER)
            line.ring(CANCELER)

    def _protect(
        self, symbol: Symbol, quote: TopOfBook, rules: TradingRules, uow: UnitOfWork
    ) -> bool:
        line = self.line
        # halted, nothing new is sent: an exit made now would only lapse
        if lock_trading_state(uow.connection, line.account) is TradingState.HALT:
            return False
        book = orders.load_book(uow.connection, line.account, symbol)
        wanted = protect(book, self._tick(quote, rules, book, uow), line.guard)
        steps: list[Step] = [approve(order, uow.now) for order in wanted.orders]
        line.journal.take_in(uow, steps)
        for state in wanted.to_cancel:
            line.journal.write(uow, state, [_ended(state, uow)])
        return bool(wanted.orders or wanted.to_cancel)

    def _tick(
        self, quote: TopOfBook, rules: TradingRules, book: InstrumentBook, uow: UnitOfWork
    ) -> Tick:
        connection, account, since = uow.connection, self.line.account, uow.now - _MINUTE
        held = [one.entry.client_order_id for one in book.holdings]
        return Tick(
            quote=quote,
            rules=rules,
            at=uow.now,
            stops_made={one: requests.stops_made(connection, account, one) for one in held},
            stops_lately={
                one: requests.stops_lately(connection, account, one, since) for one in held
            },
            exits_lately={
                one: requests.exits_refused(connection, account, one, since) for one in held
            },
        )


def _ended(state: OrderState, uow: UnitOfWork) -> Step:
    if state.status is OrderStatus.APPROVED:
        return give_up(state, "its trade ended before it was sent", uow.now)
    return request_cancel(state, uow.now)
