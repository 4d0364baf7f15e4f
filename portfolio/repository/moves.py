"""What came and went of each instrument, read back from the bookings in their order."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, bindparam, select

from portfolio.core.bearing import bear
from portfolio.core.booking import Booking
from portfolio.core.disposals import Move, MoveKind
from portfolio.core.position import Position
from portfolio.repository.journal import booking_from, in_order
from portfolio.tables import bookings
from shared.db.statements import Prepared, given
from shared.domain.errors import Refused
from shared.domain.ids import AccountId, Symbol

LONGEST_REPLAY = 25_000
_PAGE = 5_000
_OF_ONE = Prepared(
    select(bookings)
    .where(
        given(bookings.c.account),
        given(bookings.c.symbol),
        bookings.c.seq > bindparam("after"),
    )
    .order_by(bookings.c.seq)
    .limit(_PAGE)
)


def moves(
    connection: Connection, account: AccountId, symbol: Symbol | None, most: int | None = None
) -> Iterator[Move]:
    """Yield the moves of an account, of one instrument or of all, in the order of its books.

    Raises:
        Refused: there are more than `most` bookings.
    """
    if symbol is None:
        booked = (one for _, one in in_order(connection, account))
    else:
        booked = _of_one(connection, account, symbol)
    return moves_of(booked if most is None else _at_most(most, booked))


def moves_of(booked: Iterable[Booking]) -> Iterator[Move]:
    """Yield what bookings move; what a sale took that nobody had moves when it is explained."""
    positions: dict[Symbol, Position] = {}
    for one in booked:
        symbol = one.changed_symbol
        if symbol is None:
            continue
        borne = bear(positions.get(symbol) or Position(symbol=symbol), one)
        positions[symbol] = borne.position
        for flow in borne.flows:
            is_sale = one.kind.is_trade or one.amount > 0
            yield Move(
                move_id=one.source_id,
                symbol=symbol,
                at=one.booked_at,
                base=flow.base,
                quote=flow.quote,
                kind=MoveKind.TRADE if is_sale else MoveKind.TRANSFER,
            )


def _of_one(connection: Connection, account: AccountId, symbol: Symbol) -> Iterator[Booking]:
    after = 0
    while rows := _OF_ONE.rows(connection, account=account, symbol=symbol, after=after):
        yield from map(booking_from, rows)
        after = rows[-1].seq


def _at_most(most: int, booked: Iterable[Booking]) -> Iterator[Booking]:
    for number, one in enumerate(booked):
        if number == most:
            raise Refused(
                f"more than {most} bookings are too many to answer while trading goes on: "
                "use 'trading tax export', which reads them in a process of its own"
            )
        yield one
