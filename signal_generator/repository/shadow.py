"""What a release showed while it was only listened to: the evidence for its promotion."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, and_, func, select

from shared.domain.ids import Symbol
from signal_generator.core.alarms import State
from signal_generator.core.maturing import Role
from signal_generator.tables import ml_outcomes, model_health


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowRecord:
    """What a release showed in the shadow, all instruments together.

    `days`: from its first matured label to its last. `compared`: labels of candles that the
    champion was asked about too; both Brier scores are over these. Without any, that of the release
    is over all of its labels and that of the champion None. `won_ratio`: share of all that won.
    `red`: instruments about which it was judged red when it was judged last.
    """

    days: float
    matured: int
    compared: int
    live_brier: float | None
    champion_brier: float | None
    won_ratio: float | None
    red: tuple[Symbol, ...]

    @property
    def has_red(self) -> bool:
        return bool(self.red)


def shadow_record(
    connection: Connection,
    symbols: Collection[Symbol],
    release_id: str,
    champion_id: str | None,
) -> ShadowRecord:
    """Return the record of a release about these instruments, against the champion's."""
    own, rival = ml_outcomes.alias("own"), ml_outcomes.alias("rival")
    same_candle = and_(
        rival.c.symbol == own.c.symbol,
        rival.c.release_id == champion_id,
        rival.c.closed_at == own.c.closed_at,
        rival.c.interval == own.c.interval,
    )
    statement = (
        select(own.c.closed_at, own.c.probability, rival.c.probability.label("rival"), own.c.net)
        .select_from(own.outerjoin(rival, same_candle))
        .where(
            own.c.symbol.in_(sorted(symbols)),
            own.c.release_id == release_id,
            own.c.role == Role.SHADOW,
            own.c.ended_at.is_not(None),
            own.c.is_counted,
        )
    )
    rows = connection.execute(statement).all()
    instants = [row.closed_at for row in rows]
    pairs = [row for row in rows if row.rival is not None]
    return ShadowRecord(
        days=(max(instants) - min(instants)) / timedelta(days=1) if rows else 0.0,
        matured=len(rows),
        compared=len(pairs),
        live_brier=_brier([(row.probability, row.net > 0) for row in pairs or rows]),
        champion_brier=_brier([(row.rival, row.net > 0) for row in pairs]),
        won_ratio=sum(row.net > 0 for row in rows) / len(rows) if rows else None,
        red=_red_now(connection, symbols, release_id),
    )


def _brier(labels: list[tuple[float, bool]]) -> float | None:
    if not labels:
        return None
    return sum((probability - won) ** 2 for probability, won in labels) / len(labels)


def _red_now(
    connection: Connection, symbols: Collection[Symbol], release_id: str
) -> tuple[Symbol, ...]:
    newest = (
        select(model_health.c.symbol, func.max(model_health.c.day).label("day"))
        .where(model_health.c.symbol.in_(sorted(symbols)), model_health.c.release_id == release_id)
        .group_by(model_health.c.symbol)
        .subquery()
    )
    statement = (
        select(model_health.c.symbol)
        .join(
            newest,
            and_(model_health.c.symbol == newest.c.symbol, model_health.c.day == newest.c.day),
        )
        .where(model_health.c.release_id == release_id, model_health.c.state == State.RED)
        .order_by(model_health.c.symbol)
    )
    return tuple(Symbol(symbol) for symbol in connection.execute(statement).scalars())
