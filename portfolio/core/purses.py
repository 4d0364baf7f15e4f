"""What an account holds of each asset: to trade with, aside, and what it has paid in fees."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from portfolio.core.ledger import FEES, Entry, aside_of
from shared.domain.ids import AccountId
from shared.domain.values import MONEY, ZERO, exact

_FEES = 2


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
    aside = aside_of(account)
    gained: dict[str, list[Decimal]] = {}
    for entry in entries:
        place = 0 if entry.holder == account else 1 if entry.holder == aside else 2
        if place == _FEES and entry.holder != FEES:
            continue
        gains = gained.setdefault(entry.asset, [ZERO, ZERO, ZERO])
        gains[place] = MONEY.add(gains[place], entry.amount)
    return {asset: _after(known.get(asset), asset, gains) for asset, gains in gained.items()}


def _after(known: Balance | None, asset: str, gains: Sequence[Decimal]) -> Balance:
    was = known or Balance(asset=asset)
    free, aside, fees = gains
    return Balance(
        asset=asset,
        free=exact(MONEY.add(was.free, free)),
        aside=exact(MONEY.add(was.aside, aside)) if aside else was.aside,
        fees=exact(MONEY.add(was.fees, fees)) if fees else was.fees,
    )
