"""Books what people say moved; what is only corrected needs the word of a second person."""

from dataclasses import dataclass, replace

from portfolio.core.booking import Booking, SourceKind
from portfolio.core.books import BooksPolicy
from portfolio.core.ledger import entries_of
from portfolio.core.movements import (
    Movement,
    MovementStatus,
    booking_of_movement,
    moved_by,
    refuse_shortage,
)
from portfolio.core.valuing import Valuer
from portfolio.handlers.posting import Poster, Told
from portfolio.repository import books, curve
from portfolio.repository.journal import Account
from portfolio.repository.movements import lock_movement, save_movement, settle_movement
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import BalanceKind
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.events import BalanceMoved
from shared.domain.values import to_text

_BY_TWO = frozenset({SourceKind.ADJUSTMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Movements:
    policy: BooksPolicy
    poster: Poster

    def ask(self, uow: UnitOfWork, wanted: Movement) -> Movement:
        """Book a movement at once, or keep it until somebody else approves of it.

        Raises:
            Conflict: the books hold less than is said to have gone.
        """
        account = books.open_books(uow.connection, self.policy, uow.now)
        booking = self._checked(uow, wanted)
        if wanted.kind in _BY_TWO:
            save_movement(uow.connection, wanted)
            uow.audit(wanted.asked_by, "movement.asked", wanted.movement_id, _told(wanted))
            return wanted
        done = _settled(wanted, MovementStatus.BOOKED, wanted.asked_by, uow)
        save_movement(uow.connection, done)
        self._book(uow, account, done, booking)
        return done

    def approve(self, uow: UnitOfWork, movement_id: str, actor: str) -> Movement:
        """Book what somebody else asked for.

        Raises:
            NotFound: nobody did.
            Refused: whoever asked for it approves of it.
            Conflict: it is settled, or the books hold less than is said to have gone.
        """
        account = books.open_books(uow.connection, self.policy, uow.now)
        pending = self._pending(uow, movement_id)
        if pending.asked_by == actor:
            raise Refused(f"{actor} asked for this; somebody else must approve of it")
        done = _settled(pending, MovementStatus.BOOKED, actor, uow)
        booking = self._checked(uow, done)
        settle_movement(uow.connection, done)
        self._book(uow, account, done, booking)
        return done

    def refuse(self, uow: UnitOfWork, movement_id: str, actor: str) -> Movement:
        """Settle a pending movement without booking it; whoever asked for it may do that too.

        Raises:
            NotFound: nobody asked for it.
            Conflict: it is settled.
        """
        books.open_books(uow.connection, self.policy, uow.now)
        done = _settled(self._pending(uow, movement_id), MovementStatus.REFUSED, actor, uow)
        settle_movement(uow.connection, done)
        uow.audit(actor, "movement.refused", movement_id, _told(done))
        return done

    def _pending(self, uow: UnitOfWork, movement_id: str) -> Movement:
        found = lock_movement(uow.connection, self.policy.account, movement_id)
        if found is None:
            raise NotFound(f"no movement {movement_id} on this account; GET /movements lists them")
        if found.status is not MovementStatus.PENDING:
            raise Conflict(
                f"movement {movement_id} is {found.status}, by {found.settled_by}; ask for another"
            )
        return found

    def _checked(self, uow: UnitOfWork, movement: Movement) -> Booking:
        valuer = Valuer(policy=self.policy, prices=curve.prices(uow.connection))
        known = books.purses(uow.connection, self.policy.account)
        symbol = movement.changed_symbol
        held = None
        if symbol is not None:
            holdings = books.holdings_of(uow.connection, self.policy.account, [symbol])
            held = holdings[symbol].position
        booking = booking_of_movement(movement, valuer, held)
        refuse_shortage(entries_of(booking), known, held, booking)
        return booking

    def _book(
        self, uow: UnitOfWork, account: Account, movement: Movement, booking: Booking
    ) -> None:
        """Book it, and have the executor expect it at the venue."""
        after = self.poster.post(uow, account, [Told(booking, movement.movement_id)])
        actor = movement.settled_by or movement.asked_by
        uow.audit(actor, "movement.booked", movement.movement_id, _told(movement))
        for asset, amount in moved_by(booking.account, entries_of(booking)).items():
            fact = BalanceMoved(
                account=booking.account,
                asset=asset,
                amount=amount,
                kind=BalanceKind(booking.kind),
                reference=movement.movement_id,
                actor=actor,
                moved_at=booking.booked_at,
                booking=after.bookings,
            )
            uow.emit(fact)


def _settled(movement: Movement, status: MovementStatus, actor: str, uow: UnitOfWork) -> Movement:
    return replace(movement, status=status, settled_by=actor, settled_at=uow.now)


def _told(movement: Movement) -> dict[str, str | None]:
    return {
        "account": movement.account,
        "kind": movement.kind,
        "asset": movement.asset,
        "amount": to_text(movement.amount),
        "symbol": movement.symbol,
        "price": None if movement.price is None else to_text(movement.price),
        "purse": movement.purse,
        "fee": to_text(movement.fee),
        "fee_asset": movement.fee_asset,
        "asked_by": movement.asked_by,
        "reason": movement.reason,
    }
