"""A running signal generator whose candles a test closes by hand."""

import asyncio

import httpx

from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.history import last_events
from shared.bus.unit_of_work import Transactions
from shared.domain.candle import shards
from shared.domain.clock import FollowingClock
from shared.domain.enums import Interval
from shared.domain.events import CandlesClosed, SignalsGenerated
from shared.domain.ids import Symbol
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from signal_generator.app import build
from signal_generator.settings import SignalGeneratorSettings
from tests.unit.signal_generator.conftest import SYMBOLS, candle, closed_at

KEYS = {scope: scope[0] * 40 for scope in ("read", "trade", "admin")}
FIRST, READY, LAST = 2990, 3390, 3430


def fact(number, size=50, shard=0, **changes):
    group = list(shards(SYMBOLS, size))[shard]
    references = {"BTC-USDT", "ETH-USDT"} - set(group)
    return CandlesClosed(
        venue="synthetic",
        interval=Interval.H1,
        closed_at=closed_at(number),
        shard=shard,
        candles=tuple(candle(symbol, number, **changes) for symbol in group),
        references=tuple(candle(Symbol(symbol), number) for symbol in sorted(references)),
    )


class Desk:
    """A running signal generator whose candles a test closes by hand."""

    def __init__(self, engine, models_dir, **settings):
        keys = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
        platform = PlatformSettings(
            trading_api_keys=keys,
            allow_unsigned_models=True,
            market={"instruments": SYMBOLS, "fee_ratio": 0.0002, "slippage_ratio": 0.0001},
        )
        self.clock, self.bell, self.engine = FollowingClock(), InProcessDoorbell(), engine
        self.models_dir, self.settings, self.platform = models_dir, settings, platform
        self.outside = self.transactions("market_data")
        self.start()
        self.consumer.subscribe()

    def transactions(self, producer):
        return Transactions(self.engine, self.clock, self.bell, producer)

    def start(self):
        """Start the service; again, to forget everything that was only in memory."""
        runtime = Runtime(
            settings=self.platform,
            clock=self.clock,
            doorbell=self.bell,
            transactions=self.transactions,
        )
        settings = SignalGeneratorSettings(models_dir=self.models_dir, **self.settings)
        self.service = build(settings, runtime)
        self.consumer = Consumer(
            "signal_generator", self.transactions("signal_generator"), self.service.handlers, 0.1
        )

    def say(self, *facts):
        for one in facts:
            self.clock.observe(one.closed_at)
            with self.outside.begin() as uow:
                uow.emit(one)

    def hear(self, *facts):
        for one in facts:
            self.say(one)
            self.drain()

    def catch_up(self, *facts):
        """Hear all of these in as few transactions as the consumer likes."""
        self.say(*facts)
        self.drain()

    def drain(self):
        while self.consumer.handle_waiting():
            pass

    def said(self, shard=0):
        with self.outside.read() as connection:
            heard = last_events(
                connection,
                topic=SignalsGenerated.topic,
                stream=f"ml:synthetic:1h:{shard}",
                before=closed_at(100_000),
                limit=10_000,
            )
        return [envelope.event for envelope in heard]

    def metric(self, name, **labels):
        return self.service.metrics.registry.get_sample_value(name, labels)

    def ask(self, method, path, scope="read", body=None):
        return asyncio.run(self._ask(method, path, scope, body))

    async def _ask(self, method, path, scope, body):
        headers = {} if scope is None else {"X-TRADING-API-KEY": KEYS[scope]}
        transport = httpx.ASGITransport(app=self.service.api)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://s", headers=headers
        ) as c:
            return await c.request(method, path, json=body)


def everything(first=FIRST, last=LAST):
    return [fact(number) for number in range(first, last)]
