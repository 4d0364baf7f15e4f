"""Writes bookings down: one place, one transaction, whoever they come from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from portfolio.core.booking import Booking
from portfolio.core.books import (
    Booked,
    BooksPolicy,
    Holding,
    book,
    position_moved,
    round_trip_closed,
)
from portfolio.core.ledger import entries_of, unexplained_entries
from portfolio.repository import books
from portfolio.repository.journal import Account, Posted
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.domain.enums import SurpriseKind
from shared.domain.events import VenueSurprised
from shared.domain.ids import TradeId
from shared.domain.values import MONEY, exact, to_text
from shared.runtime.logging import get_logger
from shared.runtime.metrics import Metrics

log = get_logger()

ACTOR = "portfolio"


class Told(NamedTuple):
    """A booking, the fact that caused it, and what its position's change is named after.

    `number`: the booking's own in the books, once it is posted.
    """

    booking: Booking
    name: str
    cause: Envelope | None = None
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    policy: BooksPolicy
    metrics: Metrics

    def post(self, uow: UnitOfWork, account: Account, told: Sequence[Told]) -> Account:
        """Book everything told, in this order, in the books that are locked as `account`."""
        changed = {one.booking.changed_symbol for one in told} - {None}
        symbols = [symbol for symbol in changed if symbol is not None]
        holdings = books.holdings_of(uow.connection, self.policy.account, symbols)
        booked: list[Booked] = []
        posted: list[Posted] = []
        for number, new in enumerate(told, start=account.bookings + 1):
            one = new._replace(number=number)
            entries = entries_of(one.booking) if one.booking.amount else ()
            symbol = one.booking.changed_symbol
            if symbol is not None:
                before = holdings[symbol]
                after = book(before, one.booking)
                holdings[symbol] = after.holding
                booked.append(after)
                entries += unexplained_entries(one.booking, after.unexplained)
                self._tell(uow, one, after, before)
            posted.append(Posted(one.booking, entries))
        return books.save(uow.connection, account, posted, booked, uow.now)

    def problem(self, transactions: Transactions) -> str | None:
        """Return what was sold and nobody had, and what to do about it; None where all is known."""
        with transactions.read() as connection:
            held = books.positions_of_account(connection, self.policy.account)
        found = [f"{to_text(one.unexplained)} of {one.symbol}" for one in held if one.unexplained]
        self.metrics.portfolio_unexplained_positions.set(len(found))
        if not found:
            return None
        return f"sold and never held: {', '.join(found)}; POST /movements says where it came from"

    def _tell(self, uow: UnitOfWork, told: Told, after: Booked, before: Holding) -> None:
        if told.cause is not None:
            uow.caused_by(told.cause)
        account, position = self.policy.account, after.holding.position
        # a movement may be dated before what it takes was bought
        at = max([told.booking.booked_at, *(lot.acquired_at for lot in before.lots[-1:])])
        change = exact(MONEY.subtract(position.quantity, before.position.quantity))
        moved = change if told.booking.is_external else None
        changed = position_moved(account, position, at, TradeId(told.name), moved)
        uow.emit(replace(changed, booking=told.number))
        for trip in after.changed_trips:
            closed = round_trip_closed(account, trip)
            if closed is not None:
                uow.emit(closed)
        if after.unexplained > 0:
            self._surprise(uow, told, after)
        elif after.unexplained < 0:
            detail = {
                "source": told.booking.source_id,
                "quantity": to_text(-after.unexplained),
                "left": to_text(position.unexplained),
            }
            uow.audit(ACTOR, "oversold.explained", position.symbol, detail)

    def _surprise(self, uow: UnitOfWork, told: Told, after: Booked) -> None:
        """Nothing more is bought until a person has looked; the fill itself is booked."""
        position, missing = after.holding.position, to_text(after.unexplained)
        detail = f"trade {told.name} sold {missing} more than the books hold"
        deed = {
            "source": told.booking.source_id,
            "quantity": missing,
            "unexplained": to_text(position.unexplained),
        }
        uow.audit(ACTOR, "oversold", position.symbol, deed)
        surprise = VenueSurprised(
            account=self.policy.account,
            venue=told.booking.counterparty.removeprefix("venue:"),
            symbol=position.symbol,
            kind=SurpriseKind.OVERSOLD,
            detail=detail,
            found_at=uow.now,
        )
        uow.emit(surprise)
        uow.after_commit(lambda: log.critical("books.oversold", symbol=position.symbol, **deed))
