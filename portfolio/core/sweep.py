"""Idle cash into a dollar coin, once a day: the share of it above a reserve."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portfolio.core.flow import times
from portfolio.core.targets import Account, Targets
from shared.domain.ids import Symbol
from shared.domain.instrument import Instrument
from shared.domain.values import MONEY, ZERO, exact

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """`reserve_ratio` of the equity stays as cash in the instrument's quote."""

    instrument: Instrument
    reserve_ratio: Decimal

    @property
    def symbol(self) -> Symbol:
        return self.instrument.symbol


def is_new_day(before: datetime | None, as_of: datetime) -> bool:
    """Tell whether a mark is the first of its day (UTC); the very first of all begins none."""
    return before is not None and before.date() < as_of.date()


def sweep_targets(sweep: Sweep, account: Account) -> Targets | None:
    """Return the share to hold so that no cash above the reserve is idle; None where none is.

    An instrument without a price has no share to reach: nothing is swept.
    """
    known, rate = account.prices.get(sweep.symbol), account.rates.get(sweep.instrument.quote)
    if known is None or rate is None or account.equity <= ZERO:
        return None
    cash = times(account.cash.get(sweep.instrument.quote, ZERO), rate)
    idle = MONEY.subtract(cash, MONEY.multiply(account.equity, sweep.reserve_ratio))
    if idle <= ZERO:
        return None
    held = times(times(account.held.get(sweep.symbol, ZERO), known.price), rate)
    share = exact(MONEY.divide(MONEY.add(held, idle), account.equity))
    return Targets(ratios={sweep.symbol: min(share, _ONE)})
