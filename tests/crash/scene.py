"""One venue, one database, any number of executor processes: what a crash test plays on."""

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from re import findall

from sqlalchemy import delete, select, text, update

from executor.tables import lease
from shared.bus.consumer import waiting
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.base import metadata
from shared.domain.enums import OrderStatus, OrderType, Side
from shared.runtime.service import Runtime
from simulator.server import Hosting, running_simulator
from simulator.wire.port import Operation
from tests.conftest import spare_port
from tests.crash.executors import KEY, Executor
from tests.venue_world import FUNDS, PRICE, QUOTE, Trading, key_environment, symbol_at
from venues.port import VenueName

OUR_TAG = r"f102[0-9a-f]{4}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
RESTING = (OrderStatus.OPEN, OrderStatus.PARTIAL)


class Requests:
    """How often each order was asked for at the venue's door, whatever the venue then said."""

    def __init__(self):
        self.creates = Counter()
        self.canceled_at = {}

    def made(self, make_wire):
        """Return what makes the same wire, counted."""

        def make(premises):
            wire = make_wire(premises)

            async def application(scope, receive, send):
                if scope["type"] != "http":
                    await wire.application(scope, receive, send)
                    return
                operation = wire.operation(scope["method"], scope["path"])
                if operation not in (Operation.CREATE, Operation.CANCEL):
                    await wire.application(scope, receive, send)
                    return
                body = await _whole(receive)
                query = scope["query_string"].decode("latin-1")
                self._count(operation, f"{scope['path']}?{query}\n{body.decode('latin-1')}")
                await wire.application(scope, _again(body, receive), send)

            return replace(wire, application=application)

        return make

    def _count(self, operation, said):
        if operation is Operation.CREATE:
            self.creates.update(set(findall(OUR_TAG, said)))
        else:
            self.canceled_at.setdefault(said, time.monotonic())


async def _whole(receive):
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return b"".join(parts)


def _again(body, receive):
    rest = [{"type": "http.request", "body": body, "more_body": False}]

    async def given():
        return rest.pop() if rest else await receive()

    return given


@contextmanager
def counted_exchange(venue, seed=7):
    """`tests.venue_world.exchange`, with its door watched."""
    module = import_module(f"simulator.wire.{venue}")
    seen = Requests()
    hosting = Hosting(house=module.HOUSE, make_wire=seen.made(getattr(module, f"{venue}_wire")))
    quote = QUOTE[VenueName(venue)]
    symbols = (symbol_at(venue), symbol_at(venue, "ETH"))
    prices = dict.fromkeys(symbols, PRICE)
    with running_simulator(
        venue, seed=seed, prices=prices, funds={quote: FUNDS}, hosting=hosting
    ) as sim:
        yield sim, seen


def cleared(engine):
    """Leave the tables, take what is in them."""
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(delete(table))
    return engine


class Scene(Trading):
    """`start` starts a process; what is said is said by this one, in the name of risk."""

    _numbers = count(1)

    def __init__(self, engine, address, sim, seen, nursery, folder):
        super().__init__(engine, sim)
        self.address, self.seen, self.nursery, self.folder = address, seen, nursery, folder
        self.engine = engine
        self.executors = []
        self.began = datetime.now(UTC) - timedelta(seconds=1)
        bell = InProcessDoorbell()
        self.runtime = Runtime(
            settings=self.platform_settings, clock=self.clock, doorbell=bell,
            transactions=lambda name: Transactions(engine, self.clock, bell, name),
        )  # fmt: skip

    def environment(self, **settings):
        told = {**self.settings, **settings}
        return {
            **key_environment(self.sim),
            **{f"EXECUTOR__{name.upper()}": str(value) for name, value in told.items()},
            "EXECUTOR__VENUE": str(self.venue), "EXECUTOR__VENUE_URL": self.sim.url,
            "EXECUTOR__VENUE_STREAM_URL": self.sim.stream_url, "TRADING_MODE": "paper",
            "TRADING_API_KEYS": f"admin:{KEY}", "TRADING_STATE_DIR": str(self.folder),
            "MARKET__VENUE": str(self.venue), "MARKET__INTERVAL": "1m",
            "MARKET__INSTRUMENTS": f"{symbol_at(self.venue)},{symbol_at(self.venue, 'ETH')}",
            "DB_HOST": self.address.host, "DB_PORT": str(self.address.port), "DB_USER": "root",
        }  # fmt: skip

    def start(self, crash_at="", rig=None, **settings):
        """Start an executor; it dies at `crash_at`, a point and how many times it is reached."""
        told = self.environment(**settings)
        rigged = {f"RIG_{name.upper()}": str(value) for name, value in (rig or {}).items()}
        log = self.folder / f"executor-{next(self._numbers)}.log"
        environment = {**told, **rigged, "TRADING_CRASH_AT": crash_at}
        started = Executor(self.nursery, environment, log, spare_port())
        self.executors.append(started)
        return started

    def restart(self, **settings):
        """Start the successor of a process that has died, when its lease has run out."""
        self.expire_lease()
        return self.start(**settings).ready()

    def expire_lease(self):
        """Let the time pass that a dead holder's lease would still last."""
        with self.engine.begin() as connection:
            gone = text("UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
            connection.execute(update(lease).values(expires_at=gone))

    def holder(self):
        with self.engine.begin() as connection:
            row = connection.execute(select(lease)).one_or_none()
        return None if row is None else row._asdict()

    def is_settled(self, orders=1):
        """Tell whether everything said was heard, and every order has ended or rests as a stop."""
        rows = self.rows()
        if len(rows) < orders or not self.is_heard():
            return False
        return all(_is_settled(row) for row in rows)

    def is_heard(self):
        """Tell whether everything that was said has been taken in."""
        return not waiting(self.runtime.transactions("test")).get("executor")

    def settled(self, orders=1, seconds=15.0):
        self.wait(lambda: self.is_settled(orders), seconds)
        return self

    def is_protected(self):
        """Tell whether a stop rests at the venue for whatever is held."""
        rows = self.rows()
        stops = {row["parent"] for row in rows if row["order_type"] == OrderType.STOP_LIMIT
                 and row["status"] in RESTING}  # fmt: skip
        return all(row["client_order_id"] in stops for row in rows if row["is_held"])

    def buy(self, *bases, **changes):
        return [self.approve(symbol=symbol_at(self.venue, base), **changes) for base in bases]

    def sell(self, *bases, quantity):
        return [
            self.approve(side=Side.SELL, symbol=symbol_at(self.venue, base), quantity=quantity)
            for base in bases
        ]

    def recoveries(self):
        return [one.recovery for one in self.executors if one.recovery is not None]

    def end(self):
        for one in self.executors:
            if one.ended() is None:
                one.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def _is_settled(row):
    if OrderStatus(row["status"]).is_terminal:
        return True
    return row["order_type"] == OrderType.STOP_LIMIT and row["status"] in RESTING
