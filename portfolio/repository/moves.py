"""What came and went of each instrument, read back from the ledger in the order of time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Column, Connection, Row, select

from portfolio.core.disposals import Move
from portfolio.core.ledger import NOTIONAL_LEGS, SourceKind
from portfolio.tables import ledger_entries
from shared.domain.errors import Refused
from shared.domain.ids import AccountId, Symbol
from shared.domain.values import MONEY, ZERO, exact

LONGEST_REPLAY = 100_000
_ROWS_AT_ONCE = 2000


def moves(
    connection: Connection, account: AccountId, symbol: Symbol | None, most: int | None = None
) -> Iterator[Move]:
    """Yield the moves of an account, of one instrument or of all, oldest first.

    Raises:
        Refused: there are more than `most`.
    """
    wanted = ("source_id", "asset", "amount", "leg", "booked_at")
    columns: list[Column[Any]] = [ledger_entries.c[name] for name in wanted]
    legs = select(*columns).where(
        ledger_entries.c.holder == account, ledger_entries.c.source_kind == SourceKind.FILL
    )
    legs = legs.order_by(
        ledger_entries.c.booked_at, ledger_entries.c.source_id, ledger_entries.c.leg
    )
    rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(legs)
    found = (_move(source, list(own)) for source, own in groupby(rows, lambda row: row.source_id))
    chosen = (move for move in found if symbol in (None, move.symbol))
    return chosen if most is None else _at_most(most, chosen)


def _at_most(most: int, found: Iterable[Move]) -> Iterator[Move]:
    for number, move in enumerate(found):
        if number == most:
            raise Refused(
                f"more than {most} fills are too many to answer while trading goes on: "
                "use 'trading tax export', which reads them in a process of its own"
            )
        yield move


def _move(source: str, legs: Sequence[Row[Any]]) -> Move:
    """Return the move that the account's legs of one fill make: base, notional, then the fee."""
    base = next(row.asset for row in legs if row.leg < NOTIONAL_LEGS[0])
    quote = next(row.asset for row in legs if row.leg in NOTIONAL_LEGS)
    return Move(
        move_id=source,
        symbol=Symbol(f"{base}-{quote}"),
        at=legs[0].booked_at,
        base=_sum(legs, base),
        quote=_sum(legs, quote),
    )


def _sum(legs: Iterable[Row[Any]], asset: str) -> Any:
    total = ZERO
    for row in legs:
        if row.asset == asset:
            total = MONEY.add(total, row.amount)
    return exact(total)
