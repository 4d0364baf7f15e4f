"""What fills and movements have taken of the cash since it was last marked: nothing counts twice.

A fill ends its promise at once, and cash is as of the last mark. What a mark contains is decided by
portfolio's own numbers: a mark says how many bookings it has seen, the fact of a position or of a
movement which booking it follows. A fill that no number is known of is not yet in the mark.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.domain.events import BalanceMoved, PositionChanged
from shared.domain.ids import Symbol, TradeId
from shared.domain.instrument import split_symbol
from shared.domain.order import Fill
from shared.domain.values import MONEY, ZERO, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one fill or movement took of one quote; `booking`: its number in portfolio's books.

    A fill's number is None until it is told. `symbol`: None for a movement.
    """

    symbol: Symbol | None
    trade_id: TradeId
    asset: str
    amount: Decimal
    booking: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """`bookings`: how many the last mark contained; `spent`: what it is not known to contain."""

    bookings: int = 0
    spent: tuple[Spent, ...] = ()

    def filled(self, fills: Iterable[Fill], quotes: AbstractSet[str]) -> "Spending":
        new = (one for fill in fills for one in spent_by(fill, quotes))
        return replace(self, spent=(*self.spent, *new))

    def moved(self, facts: Iterable[BalanceMoved], quotes: AbstractSet[str]) -> "Spending":
        """Follow what people say went out; what came in counts from the next mark on."""
        gone = (
            Spent(
                symbol=None,
                trade_id=TradeId(one.reference),
                asset=one.asset,
                amount=-one.amount,
                booking=one.booking,
            )
            for one in facts
            if one.amount < ZERO and one.asset in quotes and one.booking is not None
        )
        return self._left(self.bookings, (*self.spent, *gone))

    def numbered(self, facts: Iterable[PositionChanged]) -> "Spending":
        """Follow portfolio's word that it has booked fills, and as which bookings."""
        told: dict[tuple[Symbol | None, TradeId], int | None] = {
            (one.symbol, one.trade_id): one.booking for one in facts
        }
        spent = (
            replace(one, booking=told.get((one.symbol, one.trade_id), one.booking))
            for one in self.spent
        )
        return self._left(self.bookings, spent)

    def marked(self, bookings: int) -> "Spending":
        """Follow a mark of the account that contains so many bookings."""
        return self._left(max(bookings, self.bookings), self.spent)

    def _left(self, bookings: int, spent: Iterable[Spent]) -> "Spending":
        left = (one for one in spent if one.booking is None or one.booking > bookings)
        return Spending(bookings=bookings, spent=tuple(left))

    @property
    def by_asset(self) -> Mapping[str, Decimal]:
        """Return what is gone of each quote, in its own units."""
        gone: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for one in self.spent:
            gone[one.asset] = exact(MONEY.add(gone[one.asset], one.amount))
        return gone


def spent_by(fill: Fill, quotes: AbstractSet[str]) -> tuple[Spent, ...]:
    """Return what a fill took of the quotes; what it brought in counts from the next mark on.

    The fee of a sale is paid out of what it brought, and takes nothing away.
    """
    base, quote = split_symbol(fill.symbol)
    sign = fill.side.sign
    taken: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    taken[quote] = sign * MONEY.multiply(fill.quantity, fill.price)
    taken[base] = -sign * fill.quantity
    taken[fill.fee_asset] = MONEY.add(taken[fill.fee_asset], fill.fee)
    return tuple(
        Spent(symbol=fill.symbol, trade_id=fill.trade_id, asset=asset, amount=exact(gone))
        for asset, gone in sorted(taken.items())
        if asset in quotes and gone > ZERO
    )
