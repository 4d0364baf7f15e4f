"""Where an asset lies, and what it is worth in the currency that everything is valued in."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from portfolio.core.booking import Purse
from portfolio.core.books import BooksPolicy
from portfolio.core.currencies import rates
from portfolio.core.flow import times
from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuer:
    """Values by the last marks; what has none is worth nothing here."""

    policy: BooksPolicy
    prices: Mapping[Symbol, Decimal]

    def purse_of(self, asset: str) -> Purse:
        """Return where an asset lies that came from outside: cash is traded with, the rest not."""
        return Purse.TRADING if asset in self.policy.currencies.quotes else Purse.ASIDE

    def fee_price(self, fee_asset: str, symbol: Symbol) -> Decimal | None:
        """Return what a unit of a fee is worth in the quote of what was traded, where known."""
        return self.prices.get(Symbol(f"{fee_asset}-{split_symbol(symbol)[1]}"))

    def cash(self, asset: str, amount: Decimal) -> Decimal:
        """Return what an amount of a quote is worth."""
        policy = self.policy
        if asset == policy.quote:
            return amount
        return times(amount, rates(policy.currencies, self.prices).get(asset, ZERO))

    def coins(self, symbol: Symbol, amount: Decimal, price: Decimal | None) -> Decimal:
        """Return what coins of a position are worth, at the price given or at the last mark."""
        unit = price if price is not None else self.prices.get(symbol, ZERO)
        return self.cash(split_symbol(symbol)[1], times(amount, unit))


def symbols_of(policy: BooksPolicy, asset: str) -> tuple[Symbol, ...]:
    """Return the instruments whose position is one of this asset."""
    return tuple(one for one in policy.symbols if split_symbol(one)[0] == asset)
