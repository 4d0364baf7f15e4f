"""Cash by the quote it is in, and what that is worth in the currency of the account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.events import CashMark
from shared.domain.ids import Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, ZERO, exact

ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """`by_quote` is empty where everything is paid in the currency of the account."""

    by_quote: Mapping[str, CashMark]

    def __bool__(self) -> bool:
        return bool(self.by_quote)

    def rate(self, symbol: Symbol) -> Decimal | None:
        """Return what one unit of the instrument's quote is worth, None where nobody knows."""
        if not self.by_quote:
            return ONE
        fund = self.by_quote.get(quote_of(symbol))
        return None if fund is None else fund.rate

    def cash(self, symbol: Symbol) -> Decimal:
        """Return what there is of the instrument's quote, at its worth."""
        quote = quote_of(symbol)
        fund = self.by_quote.get(quote)
        return ZERO if fund is None else self.worth(quote, fund.amount)

    def worth(self, quote: str, amount: Decimal) -> Decimal:
        """Return what an amount of a quote is worth, zero where nobody knows."""
        if not self.by_quote:
            return amount
        fund = self.by_quote.get(quote)
        return ZERO if fund is None or fund.rate is None else valued(amount, fund.rate)

    def prices(self, quote: str) -> Mapping[Symbol, Decimal]:
        """Return the worth of each quote as if it were the price of an instrument."""
        return {
            Symbol(f"{asset}-{quote}"): fund.rate
            for asset, fund in self.by_quote.items()
            if fund.rate is not None and asset != quote
        }


NO_FUNDS = Funds(by_quote={})


def funds_of(marks: Iterable[CashMark]) -> Funds:
    return Funds(by_quote={one.asset: one for one in marks})


def quote_of(symbol: Symbol) -> str:
    return split_symbol(symbol)[1]


def valued(amount: Decimal, rate: Decimal) -> Decimal:
    """Return an amount at its worth; the currency of the account is worth itself, exactly."""
    return amount if rate == ONE else exact(MONEY.multiply(amount, rate))
