"""A running executor whose facts a test says by hand, and which can be killed at any commit."""

import asyncio
from datetime import timedelta

import httpx
from sqlalchemy import insert, select, update

from executor.app import build
from executor.settings import ExecutorSettings
from executor.tables import fills, order_events, orders
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import COLUMNS, envelope_of
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.db.control import control
from shared.domain.clock import FollowingClock
from shared.domain.enums import Interval, TradingState
from shared.domain.events import CandlesClosed, RecommendationApproved
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from tests.builders import ACCOUNT, CLOSED_AT
from tests.unit.executor.executor_builders import candle

KEYS = {scope: scope[0] * 40 for scope in ("read", "trade", "admin")}


class Killed(BaseException):
    """The process is gone; nothing catches this."""


class Room:
    def __init__(self, engine, kill_at=None, **settings):
        self.engine = engine
        self.settings = settings
        self.commits = 0
        self.kill_at = kill_at
        keys = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
        self.platform = PlatformSettings(
            trading_api_keys=keys, market={"instruments": ("BTC-USDT", "ETH-USDT")}
        )
        with engine.begin() as connection:
            row = {"account": ACCOUNT, "state": TradingState.RUN, "version": 1,
                   "actor": "test", "reason": "start", "changed_at": CLOSED_AT}  # fmt: skip
            connection.execute(insert(control), [row])
        self.start()

    def start(self):
        self.clock, bell = FollowingClock(), InProcessDoorbell()
        self.runtime = Runtime(
            settings=self.platform,
            clock=self.clock,
            doorbell=bell,
            transactions=lambda name: Transactions(
                self.engine, self.clock, bell, name, self._on_commit
            ),
        )
        self.service = build(ExecutorSettings(**self.settings), self.runtime)
        transactions = self.runtime.transactions("executor")
        self.consumer = Consumer("executor", transactions, self.service.handlers, 1.0)
        self.consumer.subscribe()

    def hear_only(self, topic):
        """Have every waiting fact but these pass unheard."""
        transactions = self.runtime.transactions("executor")
        only = {topic: self.service.handlers[topic]}
        self.consumer = Consumer("executor", transactions, only, 1.0)

    def _on_commit(self, _producer, phase):
        self.commits += phase == "before"
        if self.kill_at == (phase, self.commits):
            self.kill_at = None
            raise Killed

    def set_state(self, state):
        with self.engine.begin() as connection:
            connection.execute(update(control).values(state=state))

    def say(self, *facts):
        self.tell(*facts)
        self.settle()

    def tell(self, *facts):
        with Transactions(self.engine, self.clock, InProcessDoorbell(), "test").begin() as uow:
            for fact in facts:
                uow.emit(fact)

    def settle(self):
        while True:
            try:
                if not self.consumer.handle_waiting():
                    return
            except Killed:
                self.start()

    def close(self, hour, *candles):
        at = CLOSED_AT + timedelta(hours=hour)
        self.clock.observe(at)
        self.say(
            CandlesClosed(
                venue="synthetic", interval=Interval.H1, closed_at=at, shard=0,
                candles=candles or (candle(hour),), references=(),
            )
        )  # fmt: skip

    def approve(self, *approvals):
        for approved in approvals:
            self.clock.observe(approved.decided_at)
        self.say(*(RecommendationApproved(approved=approved) for approved in approvals))

    def heard(self, *topics):
        """Everything said by the executor, oldest first."""
        statement = select(*COLUMNS).where(event_log.c.producer == "executor")
        with self.engine.connect() as connection:
            rows = connection.execute(statement.order_by(event_log.c.seq)).all()
        said = [envelope_of(row) for row in rows]
        return [one for one in said if not topics or one.topic in topics]

    def topics(self):
        return [one.topic for one in self.heard()]

    def rows(self, table):
        with self.engine.connect() as connection:
            return connection.execute(select(table)).all()

    def books(self):
        """Everything that must be the same however often the executor was killed."""
        return {
            "orders": sorted(map(tuple, self.rows(orders)), key=str),
            "events": sorted(map(tuple, self.rows(order_events)), key=str),
            "fills": sorted(map(tuple, self.rows(fills)), key=str),
            "said": [(one.event_id, one.topic, one.event) for one in self.heard()],
        }

    def ask(self, method, path, scope="admin", json=None, headers=None):
        async def asked():
            transport = httpx.ASGITransport(app=self.service.api)
            key = {} if scope is None else {"X-TRADING-API-KEY": KEYS[scope]}
            async with httpx.AsyncClient(
                transport=transport, base_url="http://executor", headers={**key, **(headers or {})}
            ) as client:
                return await client.request(method, path, json=json)

        return asyncio.run(asked())
