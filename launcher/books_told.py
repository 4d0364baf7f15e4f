"""What the executor wrote down of executions, for whoever proves the books of the portfolio."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from executor.repository.account import fills_named
from executor.tables import fills
from portfolio.core.booking import SourceKind, source_of
from portfolio.tables import bookings
from shared.bus.envelope import Envelope
from shared.bus.history import COLUMNS, envelope_of
from shared.bus.tables import deliveries, event_log
from shared.domain.events import OrderFilled
from shared.domain.ids import AccountId, TradeId, derive
from shared.domain.order import Fill

_LISTENER, _SPEAKER = "portfolio", "executor"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorsFills:
    """The fills of one account, by the sources under which the portfolio books them."""

    account: AccountId

    def by_source(self, connection: Connection, sources: Sequence[str]) -> dict[str, Fill]:
        trades: defaultdict[str, list[TradeId]] = defaultdict(list)
        for source in sources:
            venue, _, rest = source.partition(":")
            trades[venue].append(TradeId(rest.removeprefix(f"{self.account}:")))
        return {
            source_of(fill): fill
            for venue, names in trades.items()
            for fill in fills_named(connection, (venue, self.account), names)
        }

    def count(self, connection: Connection) -> int:
        mine = select(func.count()).select_from(fills).where(fills.c.account == self.account)
        return connection.execute(mine).scalar_one()

    def unbooked(self, connection: Connection) -> Iterator[tuple[str, bool]]:
        """Yield the source of each fill without a booking, and whether it is still to be heard."""
        waiting = self._waiting(connection)
        name = fills.c.venue + ":" + fills.c.account + ":" + fills.c.trade_id
        booked = and_(
            bookings.c.account == fills.c.account,
            bookings.c.kind == SourceKind.FILL,
            bookings.c.source_id == name,
        )
        missing = (
            select(fills.c.venue, fills.c.trade_id)
            .outerjoin(bookings, booked)
            .where(fills.c.account == self.account, bookings.c.seq.is_(None))
            .order_by(fills.c.filled_at, fills.c.venue, fills.c.trade_id)
        )
        for row in connection.execute(missing):
            source = f"{row.venue}:{self.account}:{row.trade_id}"
            yield source, source in waiting

    def facts(self, connection: Connection, sources: Sequence[str]) -> list[Envelope]:
        """Return what the executor said of these fills, as far as the log still has it."""
        fills_ = self.by_source(connection, sources)
        names = [_name_of(fills_[source]) for source in sources]
        heard = select(*COLUMNS).where(event_log.c.event_id.in_(names)).order_by(event_log.c.seq)
        return [envelope_of(row) for row in connection.execute(heard)]

    def _waiting(self, connection: Connection) -> frozenset[str]:
        """Return the sources of fills that the portfolio has still to hear of."""
        heard = (
            select(*COLUMNS)
            .join(deliveries, deliveries.c.event_id == event_log.c.event_id)
            .where(deliveries.c.consumer == _LISTENER, event_log.c.topic == OrderFilled.topic)
        )
        facts = (envelope_of(row).event for row in connection.execute(heard))
        return frozenset(source_of(one.fill) for one in facts if isinstance(one, OrderFilled))


def _name_of(fill: Fill) -> str:
    """Return the id of the fact that told of a fill."""
    identity = (fill.venue, fill.account, fill.trade_id)
    return derive("event", _SPEAKER, OrderFilled.topic, *identity)
