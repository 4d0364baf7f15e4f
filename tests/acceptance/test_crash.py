"""Killed at every commit and started again: the same books, no order lost, none doubled."""

import os
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from shared.db.engine import connect
from tests.acceptance.books import books
from tests.acceptance.drive import run_through_kills
from tests.acceptance.worlds import KILLED, SEED, SHORT_LIVED_TRADES, WARM, life, settings_on
from tests.database import empty_database


@pytest.fixture(autouse=True)
def _short_lived_trades(monkeypatch):
    for name, value in SHORT_LIVED_TRADES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("database_address", "phase"),
    [
        ("mariadb", "before"),
        pytest.param("sqlite", "after", marks=pytest.mark.long),
        pytest.param("sqlite", "before", marks=pytest.mark.long),
        pytest.param("mariadb", "after", marks=pytest.mark.long),
    ],
    indirect=["database_address"],
)
def test_a_kill_at_every_commit_changes_nothing(database_address, tmp_path, phase, expected):
    empty_database(database_address)
    warm = life(database_address, tmp_path, WARM)
    warm.run()
    before = books(warm.engine)
    warm.close()
    kills = run_through_kills(
        lambda hook: life(database_address, tmp_path, WARM + KILLED, hook), phase
    )
    last = life(database_address, tmp_path, WARM + KILLED)
    last.run()
    assert books(last.engine) == expected
    last.close()
    assert len(expected["fills"]) > len(before["fills"]) + 3
    assert {row[4] for row in expected["orders"]} >= {"filled"}
    assert kills > KILLED * 6


CRASHES = ["market_data:after:66", "executor:before:68", "risk:after:70"]
EACH_CHANGE = {("sqlite", CRASHES[0]), ("mariadb", CRASHES[1]), ("mariadb", CRASHES[2])}


@pytest.mark.parametrize(
    ("database_address", "crash_at"),
    [
        pytest.param(*one, marks=() if one in EACH_CHANGE else pytest.mark.long)
        for one in product(("sqlite", "mariadb"), CRASHES)
    ],
    indirect=["database_address"],
)
def test_a_process_killed_with_sigkill_and_restarted_keeps_the_same_books(
    database_address, tmp_path, crash_at, expected
):
    """The real thing: threads, a real SIGKILL from inside a commit, a new process."""
    empty_database(database_address)
    settings = settings_on(database_address, tmp_path)
    server = {} if database_address.is_embedded else {
        "DB_HOST": database_address.host, "DB_PORT": str(database_address.port), "DB_USER": "root",
    }  # fmt: skip
    environment = {**os.environ, **server, "TRADING_STATE_DIR": str(settings.state_dir)}
    command = [sys.executable, "-m", "tests.acceptance.finite", str(WARM + KILLED), str(SEED)]

    def start(**more):
        return subprocess.run(
            command, env={**environment, **more}, cwd=Path(__file__).parents[2], timeout=120,
            check=False, capture_output=True, text=True,
        )  # fmt: skip

    killed = start(TRADING_CRASH_AT=crash_at)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    finished = start()
    assert finished.returncode == 0, finished.stderr[-2000:]
    engine = connect(database_address)
    assert books(engine) == expected
    engine.dispose()
