"""What portfolio does when it hears of candles, fills and completed instants."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from portfolio.core.booking import Booking, SourceKind, booking_of, source_of
from portfolio.core.books import BooksPolicy
from portfolio.core.equity import Holdings, mark
from portfolio.core.sweep import is_new_day
from portfolio.core.valuing import Valuer
from portfolio.handlers.found import Finder
from portfolio.handlers.posting import Poster, Told
from portfolio.repository import books, curve, journal
from shared.bus.consumer import Handler
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.events import (
    AccountReconciled,
    BalanceFound,
    CandlesClosed,
    EquityMarked,
    OrderFilled,
)
from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill, OrderSnapshot
from shared.runtime.metrics import Metrics

Sweeping = Callable[[UnitOfWork, datetime], None]
"""What is done with idle cash at the first mark of a day."""

Fact = TypeVar("Fact", CandlesClosed, AccountReconciled)

CANDLES = "candles"
FILLS = "fills"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookkeeper:
    """Hears, in this order within a batch: prices, then fills, then the end of an instant."""

    policy: BooksPolicy
    metrics: Metrics
    sweeping: Sweeping | None = None
    _shown: set[Symbol] = field(default_factory=set[Symbol], init=False)

    @property
    def _poster(self) -> Poster:
        return Poster(policy=self.policy, metrics=self.metrics)

    @property
    def _finder(self) -> Finder:
        return Finder(policy=self.policy, poster=self._poster)

    def handlers(self) -> Mapping[str, Handler]:
        return {
            CandlesClosed.topic: self.on_candles_closed,
            OrderFilled.topic: self.on_order_filled,
            BalanceFound.topic: self._finder.on_balance_found,
            AccountReconciled.topic: self.on_account_reconciled,
        }

    def on_candles_closed(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        facts = [
            fact for fact in _events(batch, CandlesClosed) if fact.interval is self.policy.interval
        ]
        curve.save_marks(uow.connection, (c for fact in facts for c in fact.candles))
        self._progress(uow, CANDLES, ((fact.closed_at, fact.shard) for fact in facts))
        self._mark_complete(uow)

    def on_order_filled(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        account = books.open_books(uow.connection, self.policy, uow.now)
        new = self._not_yet_booked(batch, uow)
        if not new:
            return
        third = any(_is_in_third(fact.fill) for _, fact in new)
        prices = curve.prices(uow.connection) if third else {}
        valuer = Valuer(policy=self.policy, prices=prices)
        told = [
            Told(_with_origin(_booking(fact, valuer), fact.order), fact.fill.trade_id, envelope)
            for envelope, fact in new
        ]
        self._poster.post(uow, account, told)

    def on_account_reconciled(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        facts = [
            fact
            for fact in _events(batch, AccountReconciled)
            if fact.account == self.policy.account
        ]
        self._progress(uow, FILLS, ((fact.as_of, fact.shard) for fact in facts))
        self._mark_complete(uow)

    def _not_yet_booked(
        self, batch: Sequence[Envelope], uow: UnitOfWork
    ) -> list[tuple[Envelope, OrderFilled]]:
        """Each fill once, by trade, however often a venue tells of it."""
        found: dict[str, tuple[Envelope, OrderFilled]] = {}
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, OrderFilled) and fact.fill.account == self.policy.account:
                found.setdefault(source_of(fact.fill), (envelope, fact))
        known = journal.already_booked(
            uow.connection, self.policy.account, SourceKind.FILL, list(found)
        )
        return [pair for source, pair in found.items() if source not in known]

    def _progress(self, uow: UnitOfWork, stage: str, seen: Iterable[tuple[datetime, int]]) -> None:
        rows = [
            {"account": self.policy.account, "as_of": as_of, "shard": shard, "stage": stage}
            for as_of, shard in seen
        ]
        curve.record_progress(uow.connection, rows)

    def _mark_complete(self, uow: UnitOfWork) -> None:
        for as_of in curve.complete_instants(uow.connection, self.policy):
            account = books.open_books(uow.connection, self.policy, uow.now)
            last = curve.watermark(uow.connection, self.policy)
            if last.as_of is not None and as_of <= last.as_of:
                continue
            holdings = books.holdings(uow.connection, self.policy)
            marked = mark(holdings, curve.prices(uow.connection), last, as_of)
            marked = replace(marked, bookings=account.bookings)
            curve.save_equity(uow.connection, marked, account)
            uow.emit(marked)
            if self.sweeping is not None and is_new_day(last.as_of, as_of):
                self.sweeping(uow, as_of)
            uow.after_commit(partial(self._publish, marked, holdings))

    def show(self, transactions: Transactions, now: datetime) -> None:
        """Show what an account is worth that was marked before, until it is marked again."""
        with transactions.read() as connection:
            last = curve.watermark(connection, self.policy)
            if last.as_of is None:
                return
            holdings = books.holdings(connection, self.policy)
            marked = mark(holdings, curve.prices(connection), last, now)
        self._publish(marked, holdings)

    def _publish(self, marked: EquityMarked, holdings: Holdings) -> None:
        self.metrics.portfolio_equity_quote.set(float(marked.equity))
        self.metrics.portfolio_pnl_realized_quote.set(float(marked.realized_pnl))
        self.metrics.portfolio_pnl_unrealized_quote.set(float(marked.unrealized_pnl))
        unexplained = sum(1 for one in holdings.positions if one.unexplained)
        self.metrics.portfolio_unexplained_positions.set(unexplained)
        worth = self.metrics.portfolio_position_value_quote
        for one in marked.positions:
            worth.labels(one.symbol).set(float(one.notional))
        held = {one.symbol for one in marked.positions}
        for symbol in self._shown - held:
            worth.remove(symbol)
        self._shown.clear()
        self._shown.update(held)


def _events(batch: Sequence[Envelope], kind: type[Fact]) -> list[Fact]:
    return [envelope.event for envelope in batch if isinstance(envelope.event, kind)]


def _booking(fact: OrderFilled, valuer: Valuer) -> Booking:
    fill, reason = fact.fill, fact.order.exit_reason
    if not _is_in_third(fill):
        return booking_of(fill, reason)
    price = valuer.fee_price(fill.fee_asset, fill.symbol)
    return booking_of(fill, reason, fee_price=price, fee_purse=valuer.purse_of(fill.fee_asset))


def _with_origin(booking: Booking, order: OrderSnapshot) -> Booking:
    """Return the booking with who believed in the order, and the verdict it was made for."""
    return replace(booking, origin=order.source, decision_id=order.decision_id)


def _is_in_third(fill: Fill) -> bool:
    """Tell whether the fee was paid in neither of the two assets that were traded."""
    return bool(fill.fee) and fill.fee_asset not in split_symbol(fill.symbol)
