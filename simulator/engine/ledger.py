"""Who has what. The house is the other side of every trade; money only comes in by a deposit.

After every change the books are proven: per asset the accounts and the house together hold exactly
what was ever deposited, nothing is negative, and what is held is the sum of the holds of orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain.values import ZERO
from simulator.engine.model import Funds

HOUSE_ACCOUNT = "house"

Amounts = dict[str, Decimal]


class ConservationBroken(Exception):
    """The simulator itself is wrong: nothing it says can be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What an open order keeps from being spent."""

    account: str
    asset: str
    amount: Decimal


@dataclass(slots=True)
class Ledger:
    """`totals` by account: what is owned, held or not; the house's may be negative."""

    totals: dict[str, Amounts] = field(default_factory=dict[str, Amounts])
    deposited: Amounts = field(default_factory=Amounts)
    holds: dict[str, Hold] = field(default_factory=dict[str, Hold])

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Bring money in, or take it out where the amount is negative."""
        self._add(account, asset, amount)
        self.deposited[asset] = self.deposited.get(asset, ZERO) + amount

    def move(self, giver: str, taker: str, asset: str, amount: Decimal) -> None:
        self._add(giver, asset, -amount)
        self._add(taker, asset, amount)

    def _add(self, account: str, asset: str, amount: Decimal) -> None:
        amounts = self.totals.setdefault(account, {})
        amounts[asset] = amounts.get(asset, ZERO) + amount

    def available(self, account: str, asset: str) -> Decimal:
        return self.totals.get(account, {}).get(asset, ZERO) - self.held().get(
            (account, asset), ZERO
        )

    def held(self) -> dict[tuple[str, str], Decimal]:
        """Return what is held by account and asset."""
        found: dict[tuple[str, str], Decimal] = {}
        for hold in self.holds.values():
            where = (hold.account, hold.asset)
            found[where] = found.get(where, ZERO) + hold.amount
        return found

    def funds(self, account: str) -> Mapping[str, Funds]:
        held = self.held()
        return {
            asset: Funds(
                available=total - held.get((account, asset), ZERO),
                held=held.get((account, asset), ZERO),
            )
            for asset, total in sorted(self.totals.get(account, {}).items())
        }

    def breaches(self, expected: Mapping[str, Hold]) -> list[str]:
        """Return every way in which the books are wrong; `expected` are the holds by order."""
        found: list[str] = []
        for asset in sorted({name for amounts in self.totals.values() for name in amounts}):
            total = sum((amounts.get(asset, ZERO) for amounts in self.totals.values()), ZERO)
            if total != self.deposited.get(asset, ZERO):
                found.append(f"{asset}: {total} owned, {self.deposited.get(asset, ZERO)} deposited")
        held = self.held()
        found += [
            f"{account}: {held.get((account, asset), ZERO)} of {total} {asset} held"
            for account, amounts in self.totals.items()
            if account != HOUSE_ACCOUNT
            for asset, total in amounts.items()
            if held.get((account, asset), ZERO) > total
        ]
        if self.holds != expected:
            wrong = sorted(self.holds.items() ^ expected.items(), key=lambda one: one[0])
            found.append(f"holds differ from the open orders: {wrong}")
        return found
