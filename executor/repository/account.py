"""The account beside our orders: what it began with, what is not ours, what is to be announced."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from executor.tables import balance_baselines, due_marks, external_orders, fills
from shared.db.dialect import for_update, upsert
from shared.db.statements import Prepared, among, as_row, given
from shared.domain.enums import Liquidity, Purpose, Side
from shared.domain.events import ExternalOrder
from shared.domain.ids import AccountId, ClientOrderId, Symbol, TradeId, VenueOrderId
from shared.domain.order import Fill
from shared.domain.venue import OrderReport

_BASELINES = Prepared(
    select(balance_baselines).where(
        given(balance_baselines.c.venue), given(balance_baselines.c.account)
    )
)
_BASELINE = Prepared(
    for_update(
        select(balance_baselines).where(
            given(balance_baselines.c.venue),
            given(balance_baselines.c.account),
            given(balance_baselines.c.asset),
        )
    )
)
_FILLS = Prepared(
    select(fills).where(
        given(fills.c.venue), given(fills.c.account), fills.c.recorded_at >= bindparam("since")
    )
)
_BOOKED = Prepared(
    select(fills.c.trade_id, fills.c.quantity, fills.c.price).where(
        given(fills.c.venue), given(fills.c.account), among(fills.c.trade_id, "trades")
    )
)
_NAMED = Prepared(
    select(fills).where(
        given(fills.c.venue), given(fills.c.account), among(fills.c.trade_id, "trades")
    )
)
_KEYS_PER_QUERY = 512
_OPEN_EXTERNAL = Prepared(
    for_update(
        select(external_orders).where(
            given(external_orders.c.venue),
            given(external_orders.c.account),
            external_orders.c.is_open,
        )
    )
)
_DUE = Prepared(for_update(select(due_marks).where(given(due_marks.c.account))))
_MADE = Prepared(
    delete(due_marks).where(
        given(due_marks.c.account), given(due_marks.c.shard), given(due_marks.c.as_of)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the account has of an asset beside our fills.

    `rounded_at`: when the venue was last looked at and all of it explained, its rounding too.
    """

    asset: str
    amount: Decimal
    rounded_at: datetime | None = None


def baselines(connection: Connection, venue: str, account: AccountId) -> dict[str, Baseline]:
    rows = _BASELINES.rows(connection, venue=venue, account=account)
    return {row.asset: _baseline(row) for row in rows}


def lock_baseline(
    connection: Connection, place: tuple[str, AccountId], asset: str
) -> Baseline | None:
    """Return what the account had of an asset beside our fills, locked; None: never looked at."""
    venue, account = place
    row = _BASELINE.first(connection, venue=venue, account=account, asset=asset)
    return None if row is None else _baseline(row)


def _baseline(row: Any) -> Baseline:
    return Baseline(asset=row.asset, amount=row.amount, rounded_at=row.rounded_at)


def save_baseline(
    connection: Connection,
    place: tuple[str, AccountId],
    baseline: Baseline,
    note: tuple[str, datetime],
) -> None:
    """Set what the account had of an asset beside our fills; `note` is who said so, when."""
    (venue, account), (actor, at) = place, note
    row = {**as_row(baseline), "venue": venue, "account": account, "set_at": at, "actor": actor}
    upsert(connection, balance_baselines, [row], key=("venue", "account", "asset"))


def fills_recorded(
    connection: Connection, place: tuple[str, AccountId], since: datetime
) -> list[tuple[datetime, Fill]]:
    """Return the fills that were written down since an instant of ours, and when."""
    venue, account = place
    rows = _FILLS.rows(connection, venue=venue, account=account, since=since)
    return [(row.recorded_at, _fill(row)) for row in rows]


def fills_named(
    connection: Connection, place: tuple[str, AccountId], trades: Sequence[TradeId]
) -> list[Fill]:
    """Return those of the trades that are written down."""
    venue, account = place
    found: list[Fill] = []
    for start in range(0, len(trades), _KEYS_PER_QUERY):
        some = list(trades[start : start + _KEYS_PER_QUERY])
        some += some[-1:] * (_rounded_up(len(some)) - len(some))
        rows = _NAMED.rows(connection, venue=venue, account=account, trades=some)
        found += [_fill(row) for row in rows]
    return found


def booked(
    connection: Connection, place: tuple[str, AccountId], trades: Sequence[TradeId]
) -> dict[TradeId, tuple[Decimal, Decimal]]:
    """Return quantity and price of those of the trades that are written down."""
    venue, account = place
    found: dict[TradeId, tuple[Decimal, Decimal]] = {}
    for start in range(0, len(trades), _KEYS_PER_QUERY):
        some = list(trades[start : start + _KEYS_PER_QUERY])
        some += some[-1:] * (_rounded_up(len(some)) - len(some))
        for row in _BOOKED.rows(connection, venue=venue, account=account, trades=some):
            found[TradeId(row.trade_id)] = (row.quantity, row.price)
    return found


def _rounded_up(number: int) -> int:
    """Return the next power of two: each length of a list is a statement that stays in memory."""
    return 1 << (number - 1).bit_length()


def _fill(row: Any) -> Fill:
    return Fill(
        trade_id=TradeId(row.trade_id),
        client_order_id=ClientOrderId(row.client_order_id),
        account=AccountId(row.account),
        venue=row.venue,
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        purpose=Purpose(row.purpose),
        quantity=row.quantity,
        price=row.price,
        reference_price=row.reference_price,
        fee=row.fee,
        fee_asset=row.fee_asset,
        liquidity=Liquidity(row.liquidity),
        filled_at=row.filled_at,
    )


def replace_external(
    connection: Connection,
    place: tuple[str, AccountId],
    seen: Sequence[OrderReport],
    at: datetime,
) -> bool:
    """Keep the open orders that are not ours as they were just seen; return whether any changed."""
    venue, account = place
    before = {
        (row.symbol, row.venue_order_id): row.filled_quantity
        for row in _OPEN_EXTERNAL.rows(connection, venue=venue, account=account)
    }
    after = {(one.symbol, one.venue_order_id): one.filled_quantity for one in seen}
    if before == after:
        return False
    connection.execute(
        update(external_orders)
        .where(
            external_orders.c.venue == venue,
            external_orders.c.account == account,
            tuple_(external_orders.c.symbol, external_orders.c.venue_order_id).in_(
                sorted(before.keys() - after.keys())
            ),
        )
        .values(is_open=False)
    )
    rows = [
        {
            "venue": venue,
            "account": account,
            "venue_order_id": one.venue_order_id,
            "client_order_id": one.client_order_id,
            "symbol": one.symbol,
            "side": one.side,
            "quantity": one.quantity,
            "filled_quantity": one.filled_quantity,
            "limit_price": one.limit_price,
            "is_open": not one.status.is_terminal,
            "seen_at": at,
        }
        for one in seen
    ]
    upsert(connection, external_orders, rows, key=("venue", "account", "symbol", "venue_order_id"))
    return True


def external_of(one: OrderReport) -> ExternalOrder:
    return ExternalOrder(
        venue_order_id=VenueOrderId(one.venue_order_id),
        symbol=one.symbol,
        side=one.side,
        remaining=one.quantity - one.filled_quantity,
        limit_price=one.limit_price,
    )


def note_due(connection: Connection, account: AccountId, shard: int, as_of: datetime) -> None:
    """Remember that the account has to be declared complete up to the close of a candle."""
    row = {"account": account, "shard": shard, "as_of": as_of}
    upsert(connection, due_marks, [row], key=("account", "shard"))


def due(connection: Connection, account: AccountId) -> list[tuple[int, datetime]]:
    return [(row.shard, row.as_of) for row in _DUE.rows(connection, account=account)]


def done(connection: Connection, account: AccountId, shard: int, as_of: datetime) -> None:
    _MADE.run(connection, [{"account": account, "shard": shard, "as_of": as_of}])
