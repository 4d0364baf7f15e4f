"""A venue, an executor and a desk that approves: three processes, as in earnest."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, Row, func, insert, select

from executor.tables import orders
from shared.bus.redis_doorbell import RedisDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.control import control
from shared.db.engine import connect
from shared.domain.clock import SystemClock
from shared.domain.enums import ExitReason, Purpose, Side, TradingState
from shared.domain.events import RecommendationApproved
from shared.domain.ids import AccountId, DecisionId, RecommendationId, Symbol, derive
from tests.bench.chain_apart import server_environment
from tests.builders import APPROVED
from tests.conftest import MariaDbServer, RedisServer, spare_port
from tests.database import empty_database
from venues.port import VenueName

ACCOUNT = AccountId("paper-main")
QUOTE = {VenueName.COINBASE: "USD", VenueName.BINANCE_US: "USDT", VenueName.KUCOIN: "USDT"}
PRICE = Decimal(100)
LOT = Decimal("0.1")
_STEP = Decimal("0.0001")
_SHARE_SOLD = Decimal("0.99")  # some venues take their fee out of what was bought
_LIMIT = {Side.BUY: PRICE * Decimal("1.01"), Side.SELL: PRICE * Decimal("0.99")}
ENDED = ("filled", "canceled", "expired", "rejected", "not_sent", "absent")


@dataclass(slots=True, kw_only=True)
class Venue:
    """A simulated venue in a process of its own."""

    name: VenueName
    said: dict[str, str]

    @property
    def symbols(self) -> tuple[Symbol, Symbol]:
        quote = QUOTE[self.name]
        return Symbol(f"BTC-{quote}"), Symbol(f"ETH-{quote}")

    def ask(self, path: str, document: object = None) -> Any:
        """Ask its control interface, again and again while a fault keeps its door shut."""
        body = None if document is None else json.dumps(document).encode()
        deadline = time.monotonic() + 10.0
        while True:
            request = urllib.request.Request(f"{self.said['url']}/__sim/{path}", data=body)
            try:
                with urllib.request.urlopen(request, timeout=30) as reply:
                    return json.loads(reply.read())
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def environment(self) -> dict[str, str]:
        prefix = self.name.upper()
        first, second = self.symbols
        return {
            f"{prefix}_API_KEY": self.said["key"],
            f"{prefix}_API_SECRET": self.said["secret"],
            f"{prefix}_API_PASSPHRASE": self.said["passphrase"],
            "EXECUTOR__VENUE": self.name,
            "EXECUTOR__VENUE_URL": self.said["url"],
            "EXECUTOR__VENUE_STREAM_URL": self.said["stream_url"],
            "MARKET__VENUE": self.name,
            "MARKET__INTERVAL": "1m",
            "MARKET__INSTRUMENTS": f"{first},{second}",
        }


def start_venue(name: VenueName, held: ExitStack, *, is_limited: bool) -> Venue:
    """Start a venue where everything costs 100 and no order is too large for the book."""
    quote = QUOTE[name]
    prices = f"BTC-{quote}={PRICE},ETH-{quote}={PRICE}"
    command = ["-m", "simulator", "--venue", name, "--port", "0", "--prices", prices]
    command += ["--funds", f"{quote}=1000000000", "--until-closed"]
    process = subprocess.Popen(
        [sys.executable, *command, *([] if is_limited else ["--no-limits"])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    held.enter_context(process)  # waits for it, and closes its pipes
    held.callback(process.terminate)
    assert process.stdout is not None
    venue = Venue(name=name, said=json.loads(process.stdout.readline()))
    for symbol in venue.symbols:
        level = {"symbol": symbol, "price": str(PRICE), "level_quantity": "1000000"}
        venue.ask("price", level)
    return venue


@dataclass(slots=True, kw_only=True)
class Servers:
    database: MariaDbServer
    redis: RedisServer

    def emptied(self) -> Engine:
        """Return an engine of the database without a row in it."""
        empty_database(self.database.address)
        engine = connect(self.database.address)
        row = {"account": ACCOUNT, "state": TradingState.RUN, "version": 1, "actor": "bench",
               "reason": "bench", "changed_at": datetime.now(UTC)}  # fmt: skip
        with engine.begin() as connection:
            connection.execute(insert(control), [row])
        return engine


@dataclass(slots=True)
class Executor:
    """One executor process; `started_at` by the monotonic clock."""

    process: subprocess.Popen[bytes]
    port: int
    marks_file: Path
    started_at: float

    def wait_ready(self, client: httpx.Client, seconds: float = 60.0) -> float:
        """Return how long after its start it was ready."""
        while time.monotonic() - self.started_at < seconds:
            if self.process.poll() is not None:
                raise RuntimeError(f"the executor ended with {self.process.returncode}")
            try:
                said = client.get(f"http://127.0.0.1:{self.port}/health/ready")
                if said.status_code == 200:
                    return time.monotonic() - self.started_at
            except httpx.HTTPError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"the executor was not ready after {seconds:.0f} s")

    def marks(self) -> list[tuple[str, float]]:
        """Return the points reached since they were asked for last."""
        self.marks_file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 10.0
        while not self.marks_file.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("the executor tells no marks")
            time.sleep(0.01)
        return [(point, at) for point, at in json.loads(self.marks_file.read_text())]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)


def start_executor(servers: Servers, venue: Venue, folder: Path, **more: str) -> Executor:
    port = spare_port()
    marks = folder / f"marks-{port}.json"
    environment = {
        **os.environ,
        **server_environment(servers.database, servers.redis),
        **venue.environment(),
        "TRADING_MODE": "paper",
        "TRADING_STATE_DIR": str(folder),
        "TRADING_LOG_LEVEL": "WARNING",
        "EXECUTOR__MAX_QUOTE_AGE_SECONDS": "0.6",
        "BENCH_PORT": str(port),
        "BENCH_MARKS": str(marks),
        **more,
    }
    started_at = time.monotonic()
    with (folder / f"executor-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.executor_served"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    return Executor(process, port, marks, started_at)


class Desk:
    """Says what risk would say; `approved_at` keeps when each approval was committed."""

    def __init__(self, servers: Servers, venue: Venue, held: ExitStack) -> None:
        self.engine, self.venue = servers.emptied(), venue
        held.callback(self.engine.dispose)
        bell = RedisDoorbell(servers.redis.address)
        held.callback(bell.close)
        self.approved_at: list[float] = []
        self._said = 0
        self._transactions = Transactions(self.engine, SystemClock(), bell, "risk", self._committed)

    def _committed(self, _producer: str, phase: str) -> None:
        if phase == "after":
            self.approved_at.append(time.monotonic())

    def approve(self, side: Side, count: int = 1, **changes: Any) -> list[DecisionId]:
        """Say so many approvals in one commit; those of BTC and ETH take turns."""
        made = [self._approved(side, **changes) for _ in range(count)]
        with self._transactions.begin() as uow:
            for one in made:
                uow.emit(RecommendationApproved(approved=one))
        return [one.decision_id for one in made]

    def leave(self, entry: Row[Any], **changes: Any) -> DecisionId:
        """Say that what is held of an entry is to be sold."""
        quantity = entry.open_quantity * _SHARE_SOLD // _STEP * _STEP
        return self.approve(Side.SELL, symbol=Symbol(entry.symbol), quantity=quantity, **changes)[0]

    def _approved(self, side: Side, **changes: Any) -> Any:
        self._said += 1
        now = datetime.now(UTC)
        recommended = RecommendationId(derive("recommendation", str(self._said), now.isoformat()))
        is_buy = side is Side.BUY
        values: dict[str, Any] = {
            "decision_id": DecisionId(derive("decision", recommended)),
            "recommendation_id": recommended, "account": ACCOUNT,
            "symbol": self.venue.symbols[self._said % 2], "side": side,
            "purpose": Purpose.ENTRY if is_buy else Purpose.EXIT,
            "quantity": LOT, "price": PRICE,
            "limit_price": _LIMIT[side], "notional": LOT * PRICE, "decided_at": now,
            "expires_at": now + timedelta(seconds=600), "bracket": None,
            "exit_reason": None if is_buy else ExitReason.HORIZON,
        }  # fmt: skip
        return replace(APPROVED, **{**values, **changes})

    def rows(self, condition: Any) -> list[Row[Any]]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(orders).where(condition)))

    def counted(self) -> dict[str, int]:
        """Return how many orders have which status."""
        statement = select(orders.c.status, func.count()).group_by(orders.c.status)
        with self.engine.begin() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def wait_status(
        self, decision: DecisionId, wanted: tuple[str, ...] = ENDED, seconds: float = 15.0
    ) -> str:
        """Return how an order stands as soon as it stands as wanted."""
        deadline = time.monotonic() + seconds
        statement = select(orders.c.status).where(orders.c.decision_id == decision)
        while time.monotonic() < deadline:
            with self.engine.begin() as connection:
                status = connection.execute(statement).scalar()
            if status in wanted:
                return str(status)
            time.sleep(0.005)
        raise RuntimeError(f"order {decision} is {status} after {seconds:.0f} s")
