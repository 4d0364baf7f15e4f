"""What one unit of each quote currency is worth in the currency that the account is reckoned in."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, exact

ONE = Decimal(1)
DOLLARS = frozenset(
    {"USD", "USDT", "USDC", "FDUSD", "TUSD", "PYUSD", "DAI", "USDP", "GUSD", "RLUSD", "USDS"}
)
"""The US dollar and what is meant to be worth one."""

Prices = Mapping[Symbol, Decimal]
Rates = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Currencies:
    """`reporting` is what everything is valued in, `quotes` what the instruments are paid in.

    `has_parity`: a dollar coin without a price counts as one dollar; otherwise it has no value.
    """

    reporting: str
    quotes: tuple[str, ...]
    has_parity: bool = True

    @property
    def is_one(self) -> bool:
        return self.quotes in ((), (self.reporting,))


@lru_cache(maxsize=16)
def currencies_of(symbols: tuple[Symbol, ...], reporting: str, *, has_parity: bool) -> Currencies:
    """Return what these instruments are paid in, and what all is valued in."""
    quotes = {split_symbol(symbol)[1] for symbol in symbols} | {reporting}
    return Currencies(reporting=reporting, quotes=tuple(sorted(quotes)), has_parity=has_parity)


def rates(currencies: Currencies, prices: Prices) -> dict[str, Decimal]:
    """Return the worth of each currency that has one, the newest traded price before parity."""
    wanted = {currencies.reporting, *currencies.quotes}
    found = {asset: _rate(asset, currencies, prices) for asset in sorted(wanted)}
    return {asset: rate for asset, rate in found.items() if rate is not None}


def _rate(asset: str, currencies: Currencies, prices: Prices) -> Decimal | None:
    reporting = currencies.reporting
    if asset == reporting:
        return ONE
    direct = prices.get(Symbol(f"{asset}-{reporting}"))
    if direct:
        return direct
    inverse = prices.get(Symbol(f"{reporting}-{asset}"))
    if inverse:
        return exact(MONEY.divide(ONE, inverse))
    is_dollar = asset in DOLLARS and reporting in DOLLARS
    return ONE if is_dollar and currencies.has_parity else None
