"""Books what the executor found on the account beside our fills."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from portfolio.core.booking import Booking, Purse, external_source, kind_of
from portfolio.core.books import BooksPolicy
from portfolio.core.valuing import Valuer
from portfolio.handlers.posting import Poster, Told
from portfolio.repository import books, curve, journal
from portfolio.repository.journal import Account
from shared.bus.envelope import Envelope
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.enums import BalanceKind
from shared.domain.events import BalanceFound
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    policy: BooksPolicy
    poster: Poster

    def on_balance_found(self, batch: Sequence[Envelope], uow: UnitOfWork) -> None:
        """Let the books of an account at a venue begin with what the venue holds.

        Quotes are cash to trade with. Coins that were there before are not ours to trade: they lie
        aside, so that positions go on to be what our fills made them.
        """
        account = books.open_books(uow.connection, self.policy, uow.now)
        for envelope in batch:
            fact = envelope.event
            if isinstance(fact, BalanceFound) and fact.account == self.policy.account:
                account = self._book(uow, account, fact, envelope)

    def _book(
        self, uow: UnitOfWork, account: Account, fact: BalanceFound, cause: Envelope
    ) -> Account:
        source = external_source(fact.account, f"{fact.asset}:{fact.reference}")
        kind = kind_of(fact.kind)
        if journal.already_booked(uow.connection, fact.account, kind, [source]):
            return account
        amount = self._unbooked(uow, fact)
        if not amount and fact.kind is not BalanceKind.OPENING:
            return account  # an opening of nothing is booked: told again, it must be known
        valuer = Valuer(policy=self.policy, prices=curve.prices(uow.connection))
        purse = valuer.purse_of(fact.asset)
        booking = Booking(
            account=fact.account,
            kind=kind,
            source_id=source,
            asset=fact.asset,
            amount=amount,
            counterparty=f"found:{fact.venue}",
            booked_at=fact.found_at,
            purse=purse,
            worth=valuer.cash(fact.asset, amount) if purse is Purse.TRADING else ZERO,
        )
        return self.poster.post(uow, account, [Told(booking, fact.reference, cause)])

    def _unbooked(self, uow: UnitOfWork, fact: BalanceFound) -> Decimal:
        """Return what of a balance the books lack: an opening is all there was beside our fills."""
        if fact.kind is not BalanceKind.OPENING:
            return fact.amount
        known = books.beside_fills(uow.connection, fact.account, fact.asset, fact.venue)
        return exact(MONEY.subtract(fact.amount, known))
