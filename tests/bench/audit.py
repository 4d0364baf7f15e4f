"""The audit of a million rows proven, one deed appended, one decision found among a million facts."""

import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Engine, insert

from launcher.audit_view import prove
from launcher.database import migrate
from launcher.story import tell
from risk.repository.decisions import add_decisions
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.db.audit import Deed, audit, audit_heads, digest, fingerprint
from shared.db.engine import connect
from shared.domain.clock import FollowingClock
from shared.domain.events import CandlesClosed, ModelPromoted, OrderSubmitted
from shared.domain.ids import derive
from shared.runtime.settings import PlatformSettings
from tests.bench.figures import Figure, latency, timed
from tests.builders import ACCOUNT, CLOSED_AT, DENIED, FACTS, ORDER
from tests.conftest import MariaDbServer

_MANY, _AT_ONCE = 1_000_000, 10_000
_CHAIN = "risk"
_TIMES = 200


def measure() -> list[Figure]:
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="trading-bench-")))
        server = MariaDbServer(folder)
        server.start()
        held.callback(server.stop)
        migrate(server.address)
        engine = connect(server.address)
        held.callback(engine.dispose)
        figures = [_appending(engine, deeds) for deeds in (0, 1, 50)]
        _fill(engine, _audit_rows)
        figures.append(_proving(engine))
        _fill(engine, _facts)
        return [*figures, _tracing(engine, server)]


def _appending(engine: Engine, deeds: int) -> Figure:
    transactions = Transactions(engine, FollowingClock(CLOSED_AT), InProcessDoorbell(), "bench")

    numbers = count()

    def commit() -> None:
        fact = ModelPromoted(
            scope="bench", release_id=str(next(numbers)), role=str(deeds), promoted_at=CLOSED_AT
        )
        with transactions.begin() as uow:
            uow.emit(fact)
            for number in range(deeds):
                uow.audit("bench", "verdict.denied", f"s-{number}", {"breaches": ["equity"]})

    found = timed(commit, _TIMES)
    return latency(
        f"a transaction with a fact and {deeds} deeds", found, "ms", beside="MariaDB, durable"
    )


def _fill(engine: Engine, some: Callable[[Connection, int, str], str]) -> None:
    last = ""
    for first in range(1, _MANY, _AT_ONCE):
        with engine.begin() as connection:
            last = some(connection, first, last)


def _audit_rows(connection: Connection, first: int, last: str) -> str:
    rows, verdicts = [], []
    for seq in range(first, first + _AT_ONCE):
        verdict = replace(
            DENIED,
            decision_id=derive("decision", str(seq)),
            recommendation_id=derive("recommendation", str(seq)),
        )
        verdicts.append(verdict)
        words = {
            "actor": "risk",
            "action": "verdict.denied",
            "subject": verdict.decision_id,
            "detail": {"breaches": ["equity", "edge"], "payload": fingerprint(verdict)},
            "at": CLOSED_AT + timedelta(seconds=seq),
        }
        last = digest(_CHAIN, seq, last, Deed(**words))
        rows.append({**words, "chain": _CHAIN, "seq": seq, "hash": last})
    connection.execute(insert(audit), rows)
    add_decisions(connection, verdicts, CLOSED_AT)
    if first + _AT_ONCE > _MANY:
        head = {"chain": _CHAIN, "seq": _MANY, "hash": last}
        connection.execute(insert(audit_heads), [head])
    return last


def _proving(engine: Engine) -> Figure:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with engine.connect() as connection:
        started = time.perf_counter()
        proof = prove(connection, None, lambda _done, _total: None)
        seconds = time.perf_counter() - started
    assert proof.is_whole
    assert proof.rows[_CHAIN] == proof.verdicts == _MANY
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return Figure(
        what=f"audit verify of {_MANY} rows and their verdicts",
        value=seconds,
        unit="s",
        beside=f"{_MANY / seconds:.0f} rows/s, peak memory grew by {grown:.0f} MB",
    )


def _facts(connection: Connection, first: int, last: str) -> str:
    candle = next(one for one in FACTS if isinstance(one, CandlesClosed))
    payload = "x" * 400
    rows = [
        {
            "event_id": derive("event", "bench", str(number)),
            "topic": candle.topic,
            "stream": candle.stream,
            "occurred_at": CLOSED_AT,
            "origin_at": CLOSED_AT,
            "producer": "bench",
            "cause_id": None,
            "payload": payload,
        }
        for number in range(first, first + _AT_ONCE)
    ]
    connection.execute(insert(event_log), rows)
    return last


def _tracing(engine: Engine, server: MariaDbServer) -> Figure:
    """Trace an order by its own id among many facts that are not about it."""
    from executor.tables import orders

    clock = FollowingClock(CLOSED_AT)
    with Transactions(engine, clock, InProcessDoorbell(), "executor").begin() as uow:
        uow.emit(OrderSubmitted(order=ORDER))
    columns = {column.name for column in orders.columns}
    known = {name: getattr(ORDER, name) for name in ORDER.__slots__ if name in columns}
    rest = {
        "is_post_only": False, "open_quantity": ORDER.filled_quantity, "is_working": True,
        "is_held": False, "is_cancel_wanted": False, "expires_at": CLOSED_AT, "misses": 0,
        "horizon_at": None,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(orders), [{**known, **rest}])
    settings = PlatformSettings(
        db_host=server.address.host, db_port=server.address.port, db_user="root",
        trading_account=ACCOUNT,
    )  # fmt: skip
    assert [step["what"] for step in tell(settings, ORDER.client_order_id)] == ["order.submitted"]
    found = timed(lambda: tell(settings, ORDER.client_order_id), 20)
    return latency(f"trace of an order among {_MANY} facts", found, "ms", beside="new connection")
