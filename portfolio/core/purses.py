"""What an account holds of each asset: to trade with, aside, and what it has paid in fees."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from portfolio.core.ledger import FEES, Entry, aside_of
from shared.domain.ids import AccountId
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """`free` of a base is the sum of its positions, of a quote the cash there is to trade with.

    `aside` lies on the account too, and is not ours to trade; `fees` is what was paid in this asset
    since the books were opened.
    """

    asset: str
    free: Decimal = ZERO
    aside: Decimal = ZERO
    fees: Decimal = ZERO


def balances_after(
    known: Mapping[str, Balance], account: AccountId, entries: Iterable[Entry]
) -> dict[str, Balance]:
    """Return the balances that the entries change."""
    changed: dict[str, Balance] = {}
    aside = aside_of(account)
    for entry in entries:
        asset, amount = entry.asset, entry.amount
        if entry.holder not in (account, aside, FEES):
            continue
        now = changed.get(asset) or known.get(asset) or Balance(asset=asset)
        if entry.holder == account:
            after = replace(now, free=exact(MONEY.add(now.free, amount)))
        elif entry.holder == aside:
            after = replace(now, aside=exact(MONEY.add(now.aside, amount)))
        else:
            after = replace(now, fees=exact(MONEY.add(now.fees, amount)))
        changed[asset] = after
    return changed
