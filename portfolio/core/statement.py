"""Lots and disposals as a CSV file: exact decimals, ISO instants, one line each."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO

from portfolio.core.disposals import Disposal, LotMethod
from portfolio.core.lots import Lot
from shared.domain.values import to_text

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
