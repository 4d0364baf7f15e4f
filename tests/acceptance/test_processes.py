"""As separate processes on MariaDB and Redis: the same books, also when servers go away."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launcher.assembly import NAMES
from shared.bus.consumer import is_idle
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.engine import connect
from shared.domain.clock import FollowingClock
from tests.acceptance.books import books
from tests.acceptance.worlds import KILLED, SEED, SHORT_LIVED_TRADES, WARM
from tests.conftest import MariaDbServer, RedisServer
from tests.database import empty_database

REPOSITORY = Path(__file__).parents[2]
INSTANTS = WARM + KILLED


@pytest.fixture
def servers(tmp_path):
    database, redis = MariaDbServer(tmp_path / "db"), RedisServer(tmp_path)
    database.start()
    redis.start()
    yield database, redis
    database.stop()
    redis.stop()


def environment(database, redis, folder):
    return {
        **os.environ, **SHORT_LIVED_TRADES, "TRADING_BIND_HOST": "127.0.0.9", "DB_HOST": "127.0.0.1", "DB_PORT": str(database.port), "DB_USER": "root",
        "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "TRADING_STATE_DIR": str(folder),
        "TRADING_API_KEYS": "admin:" + "a" * 40, "MARKET_DATA__LIMIT": str(INSTANTS),
        "MARKET_DATA__SEED": str(SEED), "MARKET_DATA__CANDLES_PER_SECOND": "4",
        "MARKET_DATA__FAST_FORWARD": str(WARM - 5),
    }  # fmt: skip


def reached(engine):
    try:
        return len(books(engine)["equity_points"])
    except Exception:  # noqa: BLE001 - the database may be away: that is what is tested
        return -1


def wait_for(engine, instants, seconds=90.0):
    deadline = time.monotonic() + seconds
    while reached(engine) < instants:
        assert time.monotonic() < deadline, f"only {reached(engine)} of {instants} instants"
        time.sleep(0.1)


def settled(engine):
    transactions = Transactions(engine, FollowingClock(), InProcessDoorbell(), "observer")
    while not is_idle(transactions):
        time.sleep(0.05)
    return books(engine)


def test_seven_processes_keep_the_books_that_one_keeps_while_redis_and_the_database_fail(
    servers, tmp_path, expected
):
    database, redis = servers
    empty_database(database.address)
    where = environment(database, redis, tmp_path)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", name], env=where, cwd=REPOSITORY,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for name in NAMES
    ]  # fmt: skip
    engine = connect(database.address)
    try:
        wait_for(engine, WARM - 2)
        redis.stop()
        wait_for(engine, WARM + 2)
        engine.dispose()
        database.stop()
        time.sleep(3)
        assert [process.poll() for process in started] == [None] * len(started)
        database.start()
        redis.start()
        wait_for(engine, INSTANTS)
        assert settled(engine) == expected
    finally:
        for process in started:
            process.terminate()
        codes = [process.wait(30) for process in started]
        engine.dispose()
    assert codes == [0] * len(started)
