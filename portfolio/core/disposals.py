"""What sales disposed of, lot by lot, in the order a tax office is told.

FIFO sells the oldest lot, LIFO the youngest, HIFO the one that cost most per unit. Whatever the
order, every unit bought is sold once: quantity and cost are conserved to the last digit, and once
everything is sold all orders have earned the same. HIFO's gain from the first sale up to any
instant is never above another order's (beside the rounding of each split to 18 decimals): of all
it may sell it always sells what cost most, and the rest is then the cheapest that can be left. Of
one year alone that is not true: what was sold dear last year is gone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from heapq import heappop, heappush, heapreplace

from portfolio.core.lots import Lot, age, without
from shared.domain.clock import EPOCH
from shared.domain.errors import Conflict
from shared.domain.ids import Symbol
from shared.domain.values import MONEY, ZERO, exact

LONG_TERM = timedelta(days=365)
_TICK = timedelta(microseconds=1)


class LotMethod(StrEnum):
    """Which lot a sale takes first."""

    FIFO = "fifo"
    LIFO = "lifo"
    HIFO = "hifo"


class MoveKind(StrEnum):
    TRADE = "trade"
    TRANSFER = "transfer"  # came from or went to another place of the same owner: no gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of what is held of an instrument, fees in.

    `base` and `quote` have the signs of a `Flow`: a purchase brings base and takes quote. What a
    transfer brings is worth `-quote`; one that goes takes its lots along at their cost.
    """

    move_id: str
    symbol: Symbol
    at: datetime
    base: Decimal
    quote: Decimal
    kind: MoveKind = MoveKind.TRADE


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposal:
    """What one sale took out of one lot; `cost` and `proceeds` in quote, net of fees."""

    move_id: str
    lot_id: str
    symbol: Symbol
    kind: MoveKind
    acquired_at: datetime
    sold_at: datetime
    quantity: Decimal
    cost: Decimal
    proceeds: Decimal

    @property
    def gain(self) -> Decimal:
        return exact(MONEY.subtract(self.proceeds, self.cost))

    @property
    def is_long_term(self) -> bool:
        """Tell whether it was held for more than 365 days."""
        return self.sold_at - self.acquired_at > LONG_TERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Every disposal in the order of the books, and the open lots, oldest first."""

    disposals: tuple[Disposal, ...]
    lots: tuple[Lot, ...]


_Rank = tuple[Decimal, int, int, str]


class Inventory:
    """The open lots of every instrument, ready in the order in which they are sold."""

    def __init__(self, method: LotMethod) -> None:
        self._method = method
        self._count = 0
        self._heaps: defaultdict[Symbol, list[tuple[_Rank, Lot]]] = defaultdict(list)

    def lots(self) -> tuple[Lot, ...]:
        """Return what is left, oldest first."""
        left = (lot for heap in self._heaps.values() for _, lot in heap)
        return tuple(sorted(left, key=age))

    def apply(self, move: Move) -> tuple[Disposal, ...]:
        """Add what a move brings, or return what it disposes of.

        Raises:
            Conflict: more goes than there is.
        """
        if move.base > 0:
            self._add(move)
            return ()
        return tuple(self._take(move)) if move.base < 0 else ()

    def _add(self, move: Move) -> None:
        cost = MONEY.minus(move.quote)
        lot = Lot(
            lot_id=move.move_id,
            symbol=move.symbol,
            acquired_at=move.at,
            quantity=move.base,
            remaining=move.base,
            cost=cost,
            remaining_cost=cost,
        )
        self._count += 1
        heappush(self._heaps[move.symbol], (self._rank(lot), lot))

    def _rank(self, lot: Lot) -> _Rank:
        """Return the sort key of a lot; no two are equal."""
        at = (lot.acquired_at - EPOCH) // _TICK
        if self._method is LotMethod.LIFO:
            return (ZERO, -at, -self._count, "")
        unit = MONEY.divide(lot.cost, lot.quantity) if self._method is LotMethod.HIFO else ZERO
        return (MONEY.minus(unit), at, 0, lot.lot_id)

    def _take(self, move: Move) -> Iterator[Disposal]:
        heap = self._heaps[move.symbol]
        wanted, due = MONEY.minus(move.base), move.quote
        while wanted:
            if not heap:
                raise Conflict(f"{move.symbol}: {move.move_id} sells {wanted} more than was held")
            rank, lot = heap[0]
            taken = min(lot.remaining, wanted)
            after = without(lot, taken)
            if after.remaining:
                heapreplace(heap, (rank, after))
            else:
                heappop(heap)
            cost = exact(MONEY.subtract(lot.remaining_cost, after.remaining_cost))
            if move.kind is MoveKind.TRANSFER:
                proceeds = cost
            else:
                proceeds = due if taken == wanted else _share(due, taken, wanted)
            wanted = exact(MONEY.subtract(wanted, taken))
            due = exact(MONEY.subtract(due, proceeds))
            yield Disposal(
                move_id=move.move_id,
                lot_id=lot.lot_id,
                symbol=move.symbol,
                kind=move.kind,
                acquired_at=lot.acquired_at,
                sold_at=move.at,
                quantity=taken,
                cost=cost,
                proceeds=proceeds,
            )


def dispose(moves: Iterable[Move], inventory: Inventory) -> Iterator[Disposal]:
    """Yield what moves dispose of in the order they are given; the inventory keeps what is left."""
    for move in moves:
        yield from inventory.apply(move)


def replay(moves: Iterable[Move], method: LotMethod) -> Replay:
    """Return every disposal of moves in the order they are given, and the lots still open."""
    inventory = Inventory(method)
    disposals = tuple(dispose(moves, inventory))
    return Replay(disposals=disposals, lots=inventory.lots())


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return exact(MONEY.divide(MONEY.multiply(amount, part), whole))
