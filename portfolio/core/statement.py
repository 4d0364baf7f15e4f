"""Lots and disposals as a CSV file: exact decimals, ISO instants, one line each."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from io import StringIO

from portfolio.core.disposals import Disposal, LotMethod, MoveKind
from portfolio.core.lots import Lot
from shared.domain.ids import Symbol
from shared.domain.values import MONEY, ZERO, exact, to_text

DISPOSAL_COLUMNS = (
    "method",
    "kind",
    "symbol",
    "acquired_at",
    "sold_at",
    "quantity",
    "cost",
    "proceeds",
    "gain",
    "is_long_term",
    "lot_id",
    "sale_id",
)
LOT_COLUMNS = (
    "method",
    "symbol",
    "acquired_at",
    "quantity",
    "remaining",
    "cost",
    "remaining_cost",
    "lot_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTotal:
    """What the sales of one instrument and term came to, in its quote; transfers are no sales."""

    symbol: Symbol
    is_long_term: bool
    parts: int = 0
    cost: Decimal = ZERO
    proceeds: Decimal = ZERO

    @property
    def gain(self) -> Decimal:
        return exact(MONEY.subtract(self.proceeds, self.cost))

    def plus(self, one: Disposal) -> "TaxTotal":
        return replace(
            self,
            parts=self.parts + 1,
            cost=exact(MONEY.add(self.cost, one.cost)),
            proceeds=exact(MONEY.add(self.proceeds, one.proceeds)),
        )


class Tally:
    """Adds disposals up while they pass by."""

    def __init__(self) -> None:
        self.passed = 0
        self._totals: dict[tuple[Symbol, bool], TaxTotal] = {}

    def watch(self, disposals: Iterable[Disposal]) -> Iterator[Disposal]:
        for one in disposals:
            self.passed += 1
            if one.kind is MoveKind.TRADE:
                key = (one.symbol, one.is_long_term)
                known = self._totals.get(key) or TaxTotal(symbol=key[0], is_long_term=key[1])
                self._totals[key] = known.plus(one)
            yield one

    @property
    def totals(self) -> tuple[TaxTotal, ...]:
        return tuple(self._totals[key] for key in sorted(self._totals))


def disposal_lines(disposals: Iterable[Disposal], method: LotMethod) -> Iterator[str]:
    """Yield the header, then a line for each disposal."""
    yield _line(DISPOSAL_COLUMNS)
    for one in disposals:
        yield _line(
            (
                method,
                one.kind,
                one.symbol,
                one.acquired_at.isoformat(),
                one.sold_at.isoformat(),
                *_amounts(one.quantity, one.cost, one.proceeds, one.gain),
                "true" if one.is_long_term else "false",
                one.lot_id,
                one.move_id,
            )
        )


def lot_lines(lots: Iterable[Lot], method: LotMethod) -> Iterator[str]:
    """Yield the header, then a line for each lot."""
    yield _line(LOT_COLUMNS)
    for one in lots:
        yield _line(
            (
                method,
                one.symbol,
                one.acquired_at.isoformat(),
                *_amounts(one.quantity, one.remaining, one.cost, one.remaining_cost),
                one.lot_id,
            )
        )


def _amounts(*amounts: Decimal) -> list[str]:
    return [to_text(amount) for amount in amounts]


def _line(cells: Sequence[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
