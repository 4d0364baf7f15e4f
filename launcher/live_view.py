"""What is happening, as it happens: a table in a terminal, plain lines elsewhere."""

from collections import deque
from threading import Event as Flag
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from sqlalchemy import Connection, func, select

from launcher.console import out
from launcher.headlines import headline
from shared.bus.history import COLUMNS, envelope_of
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import Action
from shared.domain.events import (
    CandlesClosed,
    EquityMarked,
    Event,
    OrderFilled,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationsIssued,
    SignalsAggregated,
)

_REFRESH_SECONDS = 0.5
_RECENT = 14


class Tally:
    """Counts of the way from candles to fills, and the newest notable facts."""

    def __init__(self) -> None:
        self.candles = 0
        self.signals = 0
        self.acting = 0
        self.recommendations = 0
        self.approved = 0
        self.denied = 0
        self.fills = 0
        self.account: EquityMarked | None = None
        self.recent: deque[str] = deque(maxlen=_RECENT)

    def add(self, fact: Event) -> None:
        match fact:
            case CandlesClosed():
                self.candles += len(fact.candles)
            case SignalsAggregated():
                self.signals += len(fact.signals)
                self.acting += sum(one.action is not Action.HOLD for one in fact.signals)
            case RecommendationsIssued():
                self.recommendations += len(fact.recommendations)
            case RecommendationApproved():
                self.approved += 1
            case RecommendationDenied():
                self.denied += 1
            case OrderFilled():
                self.fills += 1
            case EquityMarked():
                self.account = fact
            case _:
                return

    def as_row(self) -> dict[str, object]:
        equity = self.account.equity if self.account else None
        return {
            "candles": self.candles,
            "signals": self.signals,
            "acting_signals": self.acting,
            "recommendations": self.recommendations,
            "approved": self.approved,
            "denied": self.denied,
            "fills": self.fills,
            "equity": equity,
        }


def watch(transactions: Transactions, mode_line: str, stop: Flag) -> Tally:
    """Show new facts until stopped; return what was counted."""
    tally = Tally()
    seen = _newest(transactions)
    if not out.is_terminal:
        while not stop.wait(_REFRESH_SECONDS):
            seen = _catch_up(transactions, seen, tally, echo=True)
        return tally
    with Live(console=out, refresh_per_second=4, transient=False) as live:
        while not stop.wait(_REFRESH_SECONDS):
            seen = _catch_up(transactions, seen, tally, echo=False)
            live.update(_picture(tally, mode_line))
    return tally


def count(transactions: Transactions) -> Tally:
    """Return what all facts in the log add up to."""
    tally, seen, before = Tally(), 0, -1
    while seen != before:
        before, seen = seen, _catch_up(transactions, seen, tally, echo=False)
    return tally


def heard_of_candles(transactions: Transactions) -> int:
    """Return how many facts about candles are in the log."""
    statement = (
        select(func.count()).select_from(event_log).where(event_log.c.topic == CandlesClosed.topic)
    )
    with transactions.read() as connection:
        return connection.execute(statement).scalar_one()


def _newest(transactions: Transactions) -> int:
    with transactions.read() as connection:
        return connection.execute(select(func.max(event_log.c.seq))).scalar_one() or 0


def _catch_up(transactions: Transactions, seen: int, tally: Tally, *, echo: bool) -> int:
    with transactions.read() as connection:
        rows = _rows(connection, seen)
    for row in rows:
        fact = envelope_of(row)
        tally.add(fact.event)
        line = headline(fact)
        if line is not None:
            tally.recent.append(line)
            if echo:
                out.print(line, markup=False)
    return rows[-1].seq if rows else seen


def _rows(connection: Connection, seen: int) -> list[Any]:
    """For the eye only: an id cursor may miss a row that commits late."""
    statement = (
        select(event_log.c.seq, *COLUMNS)
        .where(event_log.c.seq > seen)
        .order_by(event_log.c.seq)
        .limit(2000)
    )
    return list(connection.execute(statement))


def _picture(tally: Tally, mode_line: str) -> Group:
    counts = Table.grid(padding=(0, 2))
    names = [name.replace("_", " ") for name in tally.as_row()]
    counts.add_row(*(f"[dim]{name}[/]" for name in names))
    counts.add_row(*(f"[bold]{value}[/]" for value in tally.as_row().values()))
    holdings = Table(title="Positions", title_justify="left")
    for column in ("symbol", "quantity", "price", "notional"):
        holdings.add_column(column)
    for one in tally.account.positions if tally.account else ():
        holdings.add_row(one.symbol, str(one.quantity), str(one.price), f"{one.notional:.2f}")
    happening = Panel("\n".join(tally.recent) or "waiting for candles", title="Happening")
    return Group(Panel(counts, title=mode_line), happening, holdings)
