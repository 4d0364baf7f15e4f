"""What the counters of exposure should say, added up anew from the rows they stand for."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import Connection, select

from risk.core.limits import RiskLimits
from risk.tables import (
    exposure_counters,
    external_exposure,
    reservations,
    risk_book,
    risk_limits,
    risk_positions,
)
from shared.bus.codec import from_builtins

D = Decimal
_RATIOS = {
    "total": "max_exposure_ratio",
    "asset": "max_position_ratio",
    "symbol": "max_symbol_ratio",
    "source": "max_source_ratio",
    "cluster": "max_cluster_ratio",
    "venue": "max_venue_ratio",
    "day_loss": "max_day_loss_ratio",
}
VENUE = "synthetic"
_HELD = select(reservations).where(reservations.c.state == "held")
Amounts = tuple[Decimal, Decimal, Decimal]


def recounted(connection: Connection) -> dict[tuple[str, str], Amounts]:
    """Return (position, reserved, external) of every scope that anything counts under.

    Clusters are not: which instruments form one is no matter of sums.
    """
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [D(0)] * 3)
    for place, symbol, source, amount in _parts(connection):
        asset, _, _ = symbol.partition("-")
        sums["total", ""][place] += amount
        sums["asset", asset][place] += amount
        sums["symbol", symbol][place] += amount
        sums["venue", VENUE][place] += amount
        if source:
            sums["source", source][place] += amount
    found = {key: (values[0], values[1], values[2]) for key, values in sums.items()}
    book = connection.execute(select(risk_book)).one_or_none()
    if book is not None:
        lost = max(book.day_start_equity - book.equity, D(0))
        found["day_loss", ""] = (lost, _promised_loss(connection), D(0))
    return found


def _parts(connection: Connection) -> Iterator[tuple[int, str, str, Decimal]]:
    for row in connection.execute(select(risk_positions)):
        yield 0, row.symbol, row.source, row.quantity * row.price
    for row in connection.execute(_HELD):
        left = max(row.quantity - row.filled_quantity, D(0))
        yield 1, row.symbol, row.source, left * row.unit_cost
    for row in connection.execute(select(external_exposure)):
        for order in row.orders:
            if order["side"] == "buy":
                yield 2, order["symbol"], "", D(order["remaining"]) * D(order["limit_price"])


def _promised_loss(connection: Connection) -> Decimal:
    rows = connection.execute(_HELD).all()
    return sum(
        (max(row.quantity - row.filled_quantity, D(0)) * row.unit_loss for row in rows), D(0)
    )


def assert_counted(connection: Connection) -> None:
    """Assert that the counters say what the rows say, and know the caps in force."""
    expected = recounted(connection)
    newest = select(risk_limits).order_by(risk_limits.c.version.desc())
    limits = from_builtins(connection.execute(newest).first().limits, RiskLimits)
    book = connection.execute(select(risk_book)).one_or_none()
    found = {}
    for row in connection.execute(select(exposure_counters)):
        if row.scope_kind not in _RATIOS:
            continue
        if row.scope_kind != "cluster":
            found[row.scope_kind, row.scope_key] = (row.position, row.reserved, row.external)
        base = D(0) if book is None else book.equity
        base = book.day_start_equity if row.scope_kind == "day_loss" else base
        assert row.cap == D(repr(getattr(limits, _RATIOS[row.scope_kind]))) * base, row
    nothing = (D(0), D(0), D(0))
    for key in expected.keys() | found.keys():
        assert found.get(key, nothing) == expected.get(key, nothing), key


def overdrawn(connection: Connection) -> list[tuple[str, str]]:
    """Return the counters that use more than their cap."""
    return [
        (row.scope_kind, row.scope_key)
        for row in connection.execute(select(exposure_counters))
        if row.reserved + row.position + row.external > row.cap
    ]
