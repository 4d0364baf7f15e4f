"""What risk does when it hears of candles and of best prices."""

from collections.abc import Sequence
from dataclasses import dataclass

from risk.core.tape import Tape, follow
from risk.repository.account import lock_account
from risk.repository.market import Shelf, load_tapes, save_quotes, save_tapes
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.events import CandlesClosed, QuotesSeen
from shared.domain.ids import AccountId, Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketWatch:
    account: AccountId
    shelf: Shelf

    def on_candles_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Write each instrument's last closes down, once for all candles of the batch."""
        candles = [
            candle
            for envelope in batch
            if isinstance(envelope.event, CandlesClosed) and self._is_ours(envelope.event)
            for candle in envelope.event.candles
        ]
        if not candles:
            return
        lock_account(uow.connection, self.account)
        tapes = load_tapes(uow.connection, self.shelf, {one.symbol for one in candles})
        changed: dict[Symbol, Tape] = {}
        for candle in sorted(candles, key=lambda one: one.closed_at):
            before = tapes.get(candle.symbol)
            after = follow(before, candle, self.shelf.interval.delta)
            if after is not None and after is not before:
                tapes[candle.symbol] = changed[candle.symbol] = after
        save_tapes(uow.connection, self.shelf, changed.values())

    def _is_ours(self, fact: CandlesClosed) -> bool:
        return fact.venue == self.shelf.venue and fact.interval is self.shelf.interval

    def on_quotes_seen(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        facts = [
            envelope.event
            for envelope in batch
            if isinstance(envelope.event, QuotesSeen) and envelope.event.account == self.account
        ]
        if not facts:
            return
        lock_account(uow.connection, self.account)
        for fact in facts:
            save_quotes(uow.connection, fact)
