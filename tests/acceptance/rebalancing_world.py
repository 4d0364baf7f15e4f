"""A market that moves one candle at a time, and what a test asks of the services in it."""

import asyncio
from decimal import Decimal

import httpx
from sqlalchemy import select

from portfolio.tables import ledger_entries
from shared.bus.codec import decode
from shared.bus.tables import event_log
from shared.domain.events import RecommendationsIssued
from tests.acceptance.drive import Drive, OneRound
from tests.acceptance.worlds import settings_on
from tests.database import empty_database

D = Decimal
KEYS = {scope: scope[0] * 40 for scope in ("read", "trade", "admin")}
QUIET = {
    "SIGNALS__ML_WEIGHT": "0",
    "SIGNALS__EMA_RSI_WEIGHT": "1",
    "SIGNALS__THRESHOLD": "0.99",
    "RISK__MAX_POSITION_RATIO": "0.3",
    "RISK__MAX_SYMBOL_RATIO": "0.3",
    "TRADING_API_KEYS": ",".join(f"{scope}:{key}" for scope, key in KEYS.items()),
}
"""No opinions of its own, and room for a third of the equity in one instrument."""


class World(Drive):
    """A market of the synthetic feed that moves one candle at a time; no signals are given."""

    def begin(self):
        self.subscribe()
        for service in self.services:
            for task in service.tasks:
                if task is not self.feed:
                    task.run(OneRound())
        self.settle()
        self.coming = iter(self.publisher.feed.instants(self.publisher._reached()))
        return self

    def pass_candles(self, count=1):
        for _ in range(count):
            self.publisher.publish(next(self.coming))
            self.settle()

    def ask(self, service, method, path, body=None, key=None, scope="admin"):
        return asyncio.run(self._ask(service, method, path, body, key, scope))

    async def _ask(self, service, method, path, body, key, scope):
        api = next(one.api for one in self.services if one.name == service)
        headers = {"X-TRADING-API-KEY": KEYS[scope]}
        headers |= {} if key is None else {"Idempotency-Key": key}
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, json=body, headers=headers)

    def rebalance(self, key, band="0", **shares):
        targets = {f"{base}-USDT": share for base, share in shares.items()}
        body = {"targets": targets, "tolerance_ratio": band, "dry_run": False}
        answer = self.ask("portfolio", "POST", "/rebalance", body, key)
        assert answer.status_code == 200, answer.text
        self.settle()
        return answer.json()

    def shown(self, said):
        answer = self.ask("recommender", "GET", f"/rebalances/{said['rebalance_id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()["steps"]

    def weights(self):
        status = self.ask("portfolio", "GET", "/status").json()
        held = self.ask("portfolio", "GET", "/positions").json()
        return {
            one["symbol"]: D(one["notional"]) / D(status["equity"])
            for one in held
            if D(one["quantity"])
        }

    def rows(self, table):
        with self.engine.connect() as connection:
            return connection.execute(select(table)).all()

    def issued(self):
        topic = RecommendationsIssued.topic
        statement = select(event_log.c.payload).where(event_log.c.topic == topic)
        with self.engine.connect() as connection:
            return [decode(topic, one) for one in connection.execute(statement).scalars()]

    def balance_sums_to_zero(self):
        totals = {}
        for entry in self.rows(ledger_entries):
            totals[entry.asset] = totals.get(entry.asset, D(0)) + entry.amount
        return set(totals.values()) == {D(0)}


def world(address, folder, **market):
    """Return the services on an empty database, begun and waiting for the first candle."""
    empty_database(address)
    settings = settings_on(address, folder, **market)
    return World(settings=settings, overrides={"market_data": {"limit": 60}}).begin()
