"""The simulated venue at work: one batch of candles, one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from executor.core.book import InstrumentBook, match_candle
from executor.core.matching import Listing
from executor.core.steps import Step
from executor.handlers.announce import announce
from executor.handlers.claims import Claims
from executor.repository import orders
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import Interval
from shared.domain.events import AccountReconciled, CandlesClosed
from shared.domain.ids import Symbol

Books = dict[Symbol, InstrumentBook]


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Where orders and candles meet; `claims` has orders answered that a candle would overtake."""

    claims: Claims
    interval: Interval
    listings: Mapping[Symbol, Listing]

    def on_candles_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        heard = [
            (envelope, envelope.event)
            for envelope in batch
            if isinstance(envelope.event, CandlesClosed) and self._is_ours(envelope.event)
        ]
        if not heard:
            return
        self.claims.settle(uow)
        before = orders.load_books(uow.connection, self.claims.account)
        books = dict(before)
        steps: list[Step] = []
        for envelope, fact in heard:
            uow.caused_by(envelope)
            steps += self._match(books, fact, uow)
        orders.save_steps(uow.connection, steps)
        orders.save_holdings(
            uow.connection,
            [holding for book in before.values() for holding in book.holdings],
            [holding for book in books.values() for holding in book.holdings],
        )

    def _is_ours(self, fact: CandlesClosed) -> bool:
        return fact.venue == self.claims.venue.name and fact.interval is self.interval

    def _match(self, books: Books, fact: CandlesClosed, uow: UnitOfWork) -> list[Step]:
        steps: list[Step] = []
        for candle in fact.candles:
            book = books.get(candle.symbol)
            if book is not None and candle.symbol in self.listings:
                matched = match_candle(book, candle, self.listings[candle.symbol])
                books[candle.symbol] = matched.book
                steps += matched.steps
        announce(steps, uow, self.claims.metrics)
        heard_until = AccountReconciled(
            account=self.claims.account,
            venue=self.claims.venue.name,
            as_of=fact.closed_at,
            shard=fact.shard,
        )
        uow.emit(heard_until)
        return steps
