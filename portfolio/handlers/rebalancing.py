"""Plans trades towards target weights, and says that they are wanted: by a person, or daily."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from portfolio.core.books import BooksPolicy
from portfolio.core.equity import mark
from portfolio.core.rebalance import plan
from portfolio.core.sweep import Sweep, sweep_targets
from portfolio.core.targets import Account, Plan, Targets, Terms
from portfolio.repository import books, curve
from shared.bus.unit_of_work import UnitOfWork
from shared.domain.clock import EPOCH
from shared.domain.errors import TradingError
from shared.domain.events import EquityMarked, RebalanceWanted
from shared.domain.ids import derive
from shared.domain.recommendation import REBALANCE
from shared.domain.values import to_text
from shared.runtime.logging import get_logger

SWEEP = "cash_sweep"
_ONE = Decimal(1)
log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and the account it was made of; `as_of` is that of its last mark."""

    plan: Plan
    marked: EquityMarked
    as_of: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalancing:
    policy: BooksPolicy
    terms: Terms

    def plan(self, connection: Connection, targets: Targets, now: datetime) -> Planned:
        """Return the trades from what is owned now at the latest prices to the targets.

        Raises:
            BadInput: targets that cannot be.
            Refused: a price is missing or old.
        """
        account, marked, as_of = self._account(connection, now)
        return Planned(plan=plan(account, targets, self.terms), marked=marked, as_of=as_of)

    def want(
        self, uow: UnitOfWork, targets: Targets, rebalance_id: str, actor: str
    ) -> tuple[Planned, datetime]:
        """Plan under the account's lock and announce the trades; nothing where there are none."""
        books.open_books(uow.connection, self.policy, uow.now)
        planned = self.plan(uow.connection, targets, uow.now)
        if planned.plan.steps:
            self._announce(uow, planned.plan, targets, rebalance_id, actor)
        return planned, uow.now

    def sweep(self, sweep: Sweep, uow: UnitOfWork, as_of: datetime) -> None:
        """Have idle cash wanted in a dollar coin; where that cannot be told, nothing happens."""
        account, _, _ = self._account(uow.connection, uow.now)
        targets = sweep_targets(sweep, account)
        if targets is None:
            return
        try:
            made = plan(account, targets, self.terms)
        except TradingError as error:
            log.warning("cash_sweep.skipped", symbol=sweep.symbol, reason=error.detail)
            return
        if made.steps:
            day = as_of.date().isoformat()
            identity = derive(REBALANCE, self.policy.account, SWEEP, day)
            self._announce(uow, made, targets, identity, SWEEP)

    def _account(
        self, connection: Connection, now: datetime
    ) -> tuple[Account, EquityMarked, datetime | None]:
        """Return what is owned now at the latest prices, and the instant of the last mark."""
        last = curve.watermark(connection, self.policy)
        known = curve.dated_prices(connection)
        prices = {symbol: one.price for symbol, one in known.items()}
        holdings = books.holdings(connection, self.policy)
        marked = mark(holdings, prices, last, last.as_of or EPOCH)
        account = Account(
            equity=marked.equity,
            held={one.symbol: one.quantity for one in holdings.positions if one.is_open},
            cash=self._cash(marked),
            prices=known,
            rates=self._rates(marked),
            now=now,
        )
        return account, marked, last.as_of

    def _announce(
        self, uow: UnitOfWork, made: Plan, targets: Targets, rebalance_id: str, actor: str
    ) -> None:
        wanted = RebalanceWanted(
            account=self.policy.account,
            rebalance_id=rebalance_id,
            actor=actor,
            interval=self.policy.interval,
            wanted_at=uow.now,
            steps=made.steps,
        )
        uow.emit(wanted)
        detail = {
            "account": self.policy.account,
            "targets": {symbol: to_text(one) for symbol, one in sorted(targets.ratios.items())},
            "tolerance_ratio": to_text(targets.tolerance_ratio),
            "steps": [
                {"symbol": one.symbol, "side": one.side, "quantity": to_text(one.quantity)}
                for one in made.steps
            ],
        }
        uow.audit(actor, "rebalance.wanted", rebalance_id, detail)

    def _rates(self, marked: EquityMarked) -> Mapping[str, Decimal]:
        if not marked.cash_by_asset:
            return {self.policy.quote: _ONE}
        return {one.asset: one.rate for one in marked.cash_by_asset if one.rate is not None}

    def _cash(self, marked: EquityMarked) -> Mapping[str, Decimal]:
        if not marked.cash_by_asset:
            return {self.policy.quote: marked.cash}
        return {one.asset: one.amount for one in marked.cash_by_asset}
