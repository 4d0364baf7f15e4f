"""The account as risk knows it: what is held, what is promised, and how fresh that is."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from risk.core.conduct import CLEAN, Conduct
from risk.core.external import NOTHING_EXTERNAL, External
from risk.core.funds import NO_FUNDS, Funds, funds_of, quote_of
from risk.core.holding import Holding
from risk.core.limits import Costs
from risk.core.market import NO_MARKETS, Markets
from risk.core.reservation import Reservation, reservation
from risk.core.usage import NO_USE, Part, Usage, Use, usage_of
from shared.domain.enums import Purpose, TradingState
from shared.domain.events import EquityMarked
from shared.domain.ids import DecisionId, Symbol
from shared.domain.values import MONEY, ZERO, exact
from shared.domain.verdict import Approved


def _derive(owner: object, name: str, value: object) -> None:
    """Set a field that follows from the others; a group of hundreds reads it thousands of times."""
    object.__setattr__(owner, name, value)


def _no_holdings() -> Mapping[Symbol, Holding]:
    return {}


def _no_reservations() -> Mapping[DecisionId, Reservation]:
    return {}


def _no_locks() -> Mapping[Symbol, str]:
    return {}


def _no_venues() -> Mapping[Symbol, str]:
    return {}


def _nothing_spent() -> Mapping[str, Decimal]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """`as_of` is None before the first mark.

    `trades_today`, `orders_this_minute`: entries approved in the day and the minute decided on.
    `locks`: instruments that may not be entered, and why. `venues`: where each one is traded.
    `usage`: what is held, what is promised, and what others may still buy, scope by scope.
    `promised_loss`: what promised entries would lose at their stops. `funds`: the cash by quote.
    `spent`: what fills took of each quote since the cash was marked.
    """

    as_of: datetime | None
    equity: Decimal
    cash: Decimal
    peak_equity: Decimal
    day_start_equity: Decimal
    trades_today: int = 0
    orders_this_minute: int = 0
    state: TradingState = TradingState.RUN
    positions: Mapping[Symbol, Holding] = field(default_factory=_no_holdings)
    reservations: Mapping[DecisionId, Reservation] = field(default_factory=_no_reservations)
    locks: Mapping[Symbol, str] = field(default_factory=_no_locks)
    venues: Mapping[Symbol, str] = field(default_factory=_no_venues)
    external: External = NOTHING_EXTERNAL
    markets: Markets = NO_MARKETS
    conduct: Conduct = CLEAN
    funds: Funds = NO_FUNDS
    spent: Mapping[str, Decimal] = field(default_factory=_nothing_spent)
    usage: Usage = field(init=False, compare=False)
    promised_loss: Decimal = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _derive(self, "usage", usage_of(self._parts(), self.venues))
        _derive(self, "promised_loss", _sum(one.loss for one in self.reservations.values()))

    def _parts(self) -> Generator[Part]:
        for held in self.positions.values():
            yield Part(held.symbol, held.source, Use(position=held.notional))
        for promised in self.reservations.values():
            yield _part(promised)
        for buy in self.external.buys:
            yield Part(buy.order.symbol, "", Use(external=buy.amount or ZERO))

    @property
    def position_total(self) -> Decimal:
        return self.usage.total.position

    @property
    def reserved_total(self) -> Decimal:
        return self.usage.total.reserved

    @property
    def exposure(self) -> Decimal:
        """What is held, what is promised, and what others may still buy on the account."""
        return self.usage.total.total

    def use(self, symbol: Symbol) -> Use:
        """Return what an instrument uses of its cap."""
        return self.usage.symbols.get(symbol, NO_USE)

    def position(self, symbol: Symbol) -> Decimal:
        """Return what the instrument's position is worth."""
        return self.use(symbol).position

    def quantity(self, symbol: Symbol) -> Decimal:
        held = self.positions.get(symbol)
        return ZERO if held is None else held.quantity

    def cash_for(self, symbol: Symbol) -> Decimal:
        """Return the cash that an instrument is paid with: what is left of its own quote."""
        if not self.funds:
            return exact(self.cash - self.spent_total)
        return exact(self.funds.cash(symbol) - self._spent_of(quote_of(symbol)))

    @property
    def spent_total(self) -> Decimal:
        """Return what fills took of the cash since it was marked."""
        return _sum(self._spent_of(quote) for quote in self.spent)

    def _spent_of(self, quote: str) -> Decimal:
        return self.funds.worth(quote, self.spent.get(quote, ZERO))

    def reserved_for(self, symbol: Symbol) -> Decimal:
        """Return what is promised of that cash."""
        if not self.funds:
            return self.reserved_total
        held = self.reservations.values()
        return _sum(one.amount for one in held if quote_of(one.symbol) == quote_of(symbol))

    @property
    def free_cash(self) -> Decimal:
        return exact(self.cash - self.spent_total - self.reserved_total)

    @property
    def lost_today(self) -> Decimal:
        """What was lost since midnight (UTC), unrealised losses included; 0 after a gain."""
        return max(exact(self.day_start_equity - self.equity), ZERO)

    @property
    def drawdown_ratio(self) -> Decimal:
        if self.peak_equity <= ZERO:
            return ZERO
        return exact(MONEY.divide(self.peak_equity - self.equity, self.peak_equity))

    @property
    def active(self) -> AbstractSet[Symbol]:
        """Return the instruments at risk now or soon."""
        held = {symbol for symbol, one in self.positions.items() if one.quantity > ZERO}
        return held | {one.symbol for one in self.reservations.values() if one.amount > ZERO}

    @property
    def used_symbols(self) -> AbstractSet[Symbol]:
        """Return the instruments of which something is held, promised or ordered by others."""
        return {symbol for symbol, use in self.usage.symbols.items() if use.total > ZERO}

    def is_working(self, symbol: Symbol, purpose: Purpose) -> bool:
        return any(
            one.symbol == symbol and one.purpose is purpose and one.is_held
            for one in self.reservations.values()
        )

    def after(self, approved: Sequence[Approved], costs: Costs) -> "Book":
        """Return the book with these approvals promised."""
        promised = [reservation(one, costs) for one in approved]
        entries = [one for one in promised if one.purpose is Purpose.ENTRY]
        usage = self.usage
        for one in entries:
            usage = usage.plus(_part(one))
        known = {**self.reservations, **{one.decision_id: one for one in promised}}
        later = copy(self)  # not `replace`: that would add up everything again for each approval
        _derive(later, "reservations", known)
        _derive(later, "trades_today", self.trades_today + len(entries))
        _derive(later, "orders_this_minute", self.orders_this_minute + len(entries))
        _derive(later, "usage", usage)
        losses = (self.promised_loss, *(one.loss for one in entries))
        _derive(later, "promised_loss", _sum(losses))
        return later


def _part(promised: Reservation) -> Part:
    return Part(promised.symbol, promised.source, Use(reserved=promised.amount))


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    result = ZERO
    for amount in amounts:
        result = MONEY.add(result, amount)
    return exact(result)


def book_of(
    marked: EquityMarked,
    state: TradingState = TradingState.RUN,
    sources: Mapping[Symbol, str] | None = None,
) -> Book:
    """Return the book that one mark describes, with nothing promised.

    `sources`: who believed in what is held, where anybody knows.
    """
    known = sources or {}
    funds = funds_of(marked.cash_by_asset)
    return Book(
        as_of=marked.as_of,
        equity=marked.equity,
        cash=marked.cash,
        peak_equity=marked.peak_equity,
        day_start_equity=marked.day_start_equity,
        state=state,
        positions={
            one.symbol: Holding(
                symbol=one.symbol,
                quantity=one.quantity,
                price=one.price,
                source=known.get(one.symbol, ""),
                rate=funds.rate(one.symbol) or ZERO,
            )
            for one in marked.positions
        },
        funds=funds,
    )
