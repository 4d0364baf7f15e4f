"""Paper mode: live candles from a venue, and orders that the simulated venue in our process fills.

Minutes pass on a clock that the simulated exchange and the platform share; once, for real.
"""

import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select

from launcher.assembly import build_services
from market_data.feeds.port import Later
from market_data.tables import crypto_prices
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.tables import event_log
from shared.bus.unit_of_work import Transactions
from shared.db.engine import DatabaseAddress, connect
from shared.runtime.service import Runtime
from shared.runtime.settings import MarketSettings, PlatformSettings, load
from simulator.engine.clocks import ManualClock
from simulator.server import Hosting, running_simulator
from simulator.settings import ExchangeSettings
from simulator.wire.port import RateLimits
from tests.acceptance.books import books
from tests.acceptance.drive import OneRound
from tests.acceptance.worlds import SHORT_LIVED_TRADES
from tests.database import empty_database

REPOSITORY = Path(__file__).parents[2]
SYMBOLS = ("ETH-USDT", "XRP-USDT")
BACKFILLED, MINUTES = 420, 10


class PaperDrive:
    """All services in paper mode on a shared clock, driven step by step in one thread."""

    def __init__(self, simulator, folder, clock):
        self.clock = clock
        settings = load(
            PlatformSettings,
            trading_state_dir=folder,
            trading_mode="paper",
            market=load(MarketSettings, venue="binance_us", interval="1m", instruments=SYMBOLS),
        )
        self.engine = connect(settings.database())
        doorbell = InProcessDoorbell()

        def transactions(producer):
            return Transactions(self.engine, clock, doorbell, producer)

        live = {"source": "venue", "venue_url": simulator.url, "backfill_hours": 0}
        runtime = Runtime(
            settings=settings, clock=clock, doorbell=doorbell, transactions=transactions
        )
        self.services = build_services(runtime, (), market_data=live)
        self.consumers = [
            Consumer(one.name, transactions(one.name), one.handlers, 1.0)
            for one in self.services
            if one.handlers
        ]
        market_data = next(one for one in self.services if one.name == "market_data")
        self.feed = market_data.tasks[0]
        self.publisher = self.feed.run.__self__

    def start(self):
        for consumer in self.consumers:
            consumer.subscribe()
        for service in self.services:
            for task in service.tasks:
                if task is not self.feed:
                    task.run(OneRound())
        self.settle()

    def settle(self):
        while sum(consumer.handle_waiting() for consumer in self.consumers):
            pass

    def follow(self, instants):
        """Publish so many instants, waiting on the shared clock; return when they closed."""
        published = []
        for step in self.publisher.feed.instants(self.publisher._reached()):
            if isinstance(step, Later):
                assert step.why is None
                self.clock.go_on(timedelta(seconds=step.seconds))
                continue
            self.publisher.publish(step)
            self.settle()
            published.append(step.closed_at)
            if len(published) == instants:
                break
        return published

    def said(self):
        with self.engine.connect() as connection:
            return Counter(connection.execute(select(event_log.c.topic)).scalars())


@pytest.fixture
def exchange():
    clock = ManualClock()
    clock.go_on(timedelta(minutes=30, seconds=20))  # the averages of XRP cross three minutes later
    with running_simulator(
        "binance_us",
        settings=ExchangeSettings(clock=clock, symbols=SYMBOLS),
        hosting=Hosting(limits=RateLimits(is_enforced=False)),
    ) as simulator:
        yield simulator, clock


def test_live_candles_become_signals_and_orders_that_fill_on_the_next_candle(
    exchange, tmp_path, monkeypatch
):
    for name, value in SHORT_LIVED_TRADES.items():
        monkeypatch.setenv(name, value)
    simulator, clock = exchange
    empty_database(DatabaseAddress(file=tmp_path / "trading.sqlite"))
    drive = PaperDrive(simulator, tmp_path, clock)
    drive.start()
    past = drive.follow(BACKFILLED)
    warm = drive.said()
    assert warm["candles.closed"] == warm["signal.aggregated"] == BACKFILLED
    assert warm["order.submitted"] <= len(SYMBOLS)  # the past is learned from, never traded
    live = drive.follow(MINUTES)
    assert live == [past[-1] + timedelta(minutes=number) for number in range(1, MINUTES + 1)]
    fills = fills_of(drive.engine)
    assert [(one["symbol"], one["side"]) for one in fills] == [
        ("XRP-USDT", "buy"), ("XRP-USDT", "sell"),
    ]  # fmt: skip
    assert fills[0]["filled_at"] == past[-1] + timedelta(minutes=3)  # where the next one opens
    assert not simulator.oracle().orders  # none of them went to the exchange
    before = set(books(drive.engine)["equity_points"])
    drive.engine.dispose()

    clock.go_on(timedelta(minutes=7))
    again = PaperDrive(simulator, tmp_path, clock)
    again.start()
    assert again.follow(8)[0] == live[-1] + timedelta(minutes=1)
    assert set(books(again.engine)["equity_points"]) >= before
    assert fills_of(again.engine) == fills
    again.engine.dispose()


def fills_of(engine):
    from executor.tables import fills

    with engine.connect() as connection:
        return connection.execute(select(fills).order_by(fills.c.filled_at)).mappings().all()


def trading(folder, simulator, *words, **more):
    environment = {
        **os.environ, **SHORT_LIVED_TRADES, "TRADING_BIND_HOST": "127.0.0.14",
        "TRADING_STATE_DIR": str(folder), "MARKET__VENUE": "kucoin", "MARKET__INTERVAL": "1m",
        "MARKET__INSTRUMENTS": "BTC-USDT,ETH-USDT", "MARKET_DATA__SOURCE": "venue",
        "MARKET_DATA__VENUE_URL": simulator.url, "MARKET_DATA__BACKFILL_HOURS": "0",
        "TRADING_API_KEYS": "admin:" + "a" * 40, **more,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", "from launcher.cli import main; main()", *words],
        env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.long
def test_the_command_runs_in_paper_mode_and_the_rules_it_prints_can_be_used(tmp_path):
    with running_simulator("kucoin", settings=ExchangeSettings()) as simulator:
        printed = trading(tmp_path, simulator, "data", "rules")
        assert printed.returncode == 0, printed.stderr
        rules = yaml.safe_load(printed.stdout)["market"]["rules"]
        assert rules["BTC-USDT"] == {
            "tick_size": "0.01", "lot_size": "0.00001", "min_notional": "1",
        }  # fmt: skip
        (tmp_path / "trading.yaml").write_text(printed.stdout)
        ended = trading(
            tmp_path, simulator, "up", "--mode", "paper", "--for", "10s",
            TRADING_CONFIG=str(tmp_path / "trading.yaml"),
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    engine = connect(DatabaseAddress(file=tmp_path / "trading.sqlite"))
    with engine.connect() as connection:
        stored = connection.execute(select(func.count()).select_from(crypto_prices)).scalar_one()
        said = Counter(connection.execute(select(event_log.c.topic)).scalars())
    engine.dispose()
    assert stored >= 2 * 20
    assert said["signal.aggregated"] >= 20
    assert said["order.submitted"] <= 2  # the past is not acted on


def test_paper_mode_without_live_candles_says_what_to_set(tmp_path):
    with running_simulator("kucoin", settings=ExchangeSettings()) as simulator:
        refused = trading(
            tmp_path, simulator, "up", "--mode", "paper", MARKET_DATA__SOURCE="synthetic"
        )
    assert refused.returncode == 78
    assert "MARKET_DATA__SOURCE=venue" in refused.stderr
