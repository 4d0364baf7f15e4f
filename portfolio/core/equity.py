"""What the account is worth at one instant, and how far below its peak that is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal

from portfolio.core.currencies import ONE, Currencies, Rates, rates
from portfolio.core.flow import times
from portfolio.core.position import Position
from shared.domain.events import CashMark, EquityMarked, PositionMark
from shared.domain.ids import AccountId, Symbol
from shared.domain.instrument import split_symbol
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """What the next mark needs of the last; before the first, the opening and no instant."""

    as_of: datetime | None
    equity: Decimal
    peak_equity: Decimal
    day_start_equity: Decimal


def opening_watermark(opening_balance: Decimal) -> Watermark:
    return Watermark(
        as_of=None,
        equity=opening_balance,
        peak_equity=opening_balance,
        day_start_equity=opening_balance,
    )


def watermark_of(marked: EquityMarked) -> Watermark:
    return Watermark(
        as_of=marked.as_of,
        equity=marked.equity,
        peak_equity=marked.peak_equity,
        day_start_equity=marked.day_start_equity,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Everything the account owns; closed positions still carry what they earned.

    `currencies` and `cash_by_asset` where instruments are paid in several; then `cash` is not used.
    """

    account: AccountId
    cash: Decimal
    positions: Sequence[Position]
    currencies: Currencies | None = None
    cash_by_asset: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])


def mark(
    holdings: Holdings, prices: Mapping[Symbol, Decimal], previous: Watermark, as_of: datetime
) -> EquityMarked:
    """Return the account's worth at `as_of`; an unknown price values a position at its cost.

    The peak includes unrealised gains. A day starts with the equity at midnight UTC, which is
    the mark of that instant, or the last one before it where midnight was not marked. Amounts in
    another currency count at what that is worth now, what has been earned and paid in it included.
    """
    worth = _Worth(holdings, prices)
    held = [one for one in holdings.positions if not worth.is_cash(one)]
    marks = tuple(_marked(one, prices, worth.of(one)) for one in held if one.is_open)
    notional = total(mark.notional for mark in marks)
    cost = total(worth.valued(one, one.cost_basis) for one in held)
    cash = worth.cash
    equity = exact(MONEY.add(cash, notional))
    peak = max(previous.peak_equity, equity)
    positions = holdings.positions
    return EquityMarked(
        account=holdings.account,
        as_of=as_of,
        equity=equity,
        cash=cash,
        peak_equity=peak,
        day_start_equity=_day_start(previous, equity, as_of),
        drawdown_ratio=drawdown(equity, peak),
        realized_pnl=total(worth.valued(one, one.realized_pnl) for one in positions),
        unrealized_pnl=exact(MONEY.subtract(notional, cost)),
        fees=total(worth.valued(one, one.fees) for one in positions),
        positions=marks,
        cash_by_asset=worth.funds,
    )


class _Worth:
    """What the quotes of the account are worth; one currency needs no conversion at all."""

    def __init__(self, holdings: Holdings, prices: Mapping[Symbol, Decimal]) -> None:
        self._rates: Rates | None = None
        self._funds = holdings.cash_by_asset
        self.cash = holdings.cash
        self.funds: tuple[CashMark, ...] = ()
        if holdings.currencies is None or holdings.currencies.is_one:
            return
        self._rates = known = rates(holdings.currencies, prices)
        self.funds = tuple(
            CashMark(asset=asset, amount=amount, rate=known.get(asset))
            for asset, amount in sorted(self._funds.items())
        )
        self.cash = total(times(one.amount, one.rate or ZERO) for one in self.funds)

    def of(self, position: Position) -> Decimal:
        """Return what a unit of the position's quote is worth, zero where nobody knows."""
        if self._rates is None:
            return ONE
        return self._rates.get(split_symbol(position.symbol)[1], ZERO)

    def valued(self, position: Position, amount: Decimal) -> Decimal:
        return amount if self._rates is None else times(amount, self.of(position))

    def is_cash(self, position: Position) -> bool:
        """Tell whether a position is of a currency that others are paid in: it is cash already."""
        return self._rates is not None and split_symbol(position.symbol)[0] in self._funds


def drawdown(equity: Decimal, peak: Decimal) -> Decimal:
    """Return the fall from the peak as a positive ratio."""
    if peak <= 0:
        return ZERO
    return exact(MONEY.divide(MONEY.subtract(peak, equity), peak))


def total(amounts: Iterable[Decimal]) -> Decimal:
    result = ZERO
    for amount in amounts:
        result = MONEY.add(result, amount)
    return exact(result)


def _marked(position: Position, prices: Mapping[Symbol, Decimal], rate: Decimal) -> PositionMark:
    price = prices.get(position.symbol)
    notional = position.cost_basis if price is None else times(position.quantity, price)
    return PositionMark(
        symbol=position.symbol,
        quantity=position.quantity,
        price=position.average_cost if price is None else price,
        notional=notional if rate is ONE else times(notional, rate),
    )


def _day_start(previous: Watermark, equity: Decimal, as_of: datetime) -> Decimal:
    if as_of.time() == time.min:
        return equity
    if previous.as_of is None or previous.as_of.date() != as_of.date():
        return previous.equity
    return previous.day_start_equity
