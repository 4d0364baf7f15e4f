"""A service as a process of its own: it starts, stops, fails and recovers as promised."""

import os
import signal
import socket
import subprocess
import time
from itertools import product

import httpx
import pytest

from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.engine import connect
from shared.domain.clock import FollowingClock
from shared.runtime.serve import serve
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings
from tests.conftest import REPOSITORY, python, spare_port
from tests.counting_service import counted, prepare
from tests.database import empty_database
from tests.saying import START, say

LONG = 30.0


class Process:
    """The counting service, served from the command line."""

    def __init__(self, address, folder, port=None, **environment):
        self.port = port or spare_port()
        settings = {
            "TRADING_STATE_DIR": str(folder),
            "TRADING_API_KEYS": "read:" + "r" * 40,
            "COUNTING__PORT": str(self.port),
        }
        if not address.is_embedded:
            server = {"DB_HOST": address.host, "DB_PORT": str(address.port), "DB_USER": "root"}
            settings |= server
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.log = folder / f"log-{self.port}"
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [python(), "-m", "tests.counting_service"],
                cwd=REPOSITORY,
                env=inherited | settings | environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def get(self, path):
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, trust_env=False)
        except httpx.HTTPError:
            return None

    def status(self, path="/health/ready"):
        answer = self.get(path)
        return None if answer is None else answer.status_code

    def wait_for(self, status, path="/health/ready"):
        until(lambda: self.status(path) == status or self.child.poll() is not None)
        assert self.status(path) == status, self.said()
        return self.get(path)

    def said(self):
        return self.log.read_text()

    def end(self, how=signal.SIGTERM, seconds=LONG):
        self.child.send_signal(how)
        return self.child.wait(seconds)


def until(condition, seconds=LONG):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def speaker(database_address):
    empty_database(database_address)
    engine = connect(database_address)
    prepare(engine)
    yield Transactions(engine, FollowingClock(), InProcessDoorbell(), "test")
    engine.dispose()


@pytest.fixture
def served(database_address, tmp_path, speaker):
    """Start the service, any number of times; whatever still runs is killed at the end."""
    started = []

    def start(**options):
        started.append(Process(database_address, tmp_path, **options))
        return started[-1]

    yield start
    for process in started:
        process.child.kill()
        process.child.wait()


def test_sigterm_ends_it_in_order_and_in_time(served, speaker):
    process = served()
    process.wait_for(200)
    say(speaker, *range(3))
    assert until(lambda: counted(speaker.engine)[1] == 3)
    started_at = time.monotonic()
    assert process.end() == 0, process.said()
    assert time.monotonic() - started_at < 9.0
    assert "platform.stopped" in process.said()
    assert "Traceback" not in process.said()


def test_a_task_that_raises_ends_the_process_and_says_so(served):
    process = served(COUNTING__FAILS="true")
    assert process.child.wait(LONG) == 1
    assert "task.failed" in process.said()
    assert "the feed broke" in process.said()


def test_a_port_in_use_is_named_before_any_fact_is_handled(served, speaker):
    say(speaker, 1)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        process = served(port=port)
        assert process.child.wait(LONG) == 1
    assert f"127.0.0.1:{port}" in process.said()
    assert "in use" in process.said()
    assert "Traceback" not in process.said()
    assert counted(speaker.engine) == ([], 0)


CRASHES = ("before:2", "after:2", "before:3", "after:3", "before:4")
EACH_CHANGE = set(zip(("mariadb", "sqlite", "mariadb", "mariadb", "sqlite"), CRASHES, strict=True))


@pytest.mark.parametrize(
    ("database_address", "crash"),
    [
        pytest.param(*one, marks=() if one in EACH_CHANGE else pytest.mark.long)
        for one in product(("sqlite", "mariadb"), CRASHES)
    ],
    indirect=["database_address"],
)
def test_killed_at_any_commit_every_fact_counts_once(served, speaker, crash):
    for start in range(0, 1200, 100):
        say(speaker, *range(start, start + 100))
    process = served(TRADING_CRASH_AT=f"counting:{crash}")
    assert process.child.wait(LONG) == -signal.SIGKILL, process.said()
    again = served()
    assert until(lambda: counted(speaker.engine)[1] >= 1200), again.said()
    assert counted(speaker.engine) == (list(range(1200)), 1200)
    assert again.end() == 0


@pytest.mark.parametrize("database_address", ["mariadb"], indirect=True)
def test_while_the_database_is_away_it_is_alive_but_not_ready_and_recovers_by_itself(
    served, speaker, mariadb_server
):
    process = served()
    process.wait_for(200)
    say(speaker, 1)
    assert until(lambda: counted(speaker.engine)[1] == 1)
    mariadb_server.stop()
    try:
        checks = process.wait_for(503).json()["checks"]
        assert "Can't connect" in checks["database"]
        assert until(lambda: "cannot handle facts" in process.get("/health/ready").text)
        assert process.status("/health/live") == 200
        assert process.child.poll() is None
    finally:
        mariadb_server.start()
    speaker.engine.dispose()  # its connections died with the server, too short ago to be looked at
    say(speaker, 2)
    process.wait_for(200)
    assert until(lambda: counted(speaker.engine) == ([1, 2], 2)), process.said()
    assert process.end() == 0


def test_after_a_restart_time_goes_on_where_it_was(transactions):
    transactions.clock.observe(START)
    say(transactions, 1)
    restarted = FollowingClock()
    runtime = Runtime(
        settings=PlatformSettings(),
        clock=restarted,
        doorbell=InProcessDoorbell(),
        transactions=lambda name: Transactions(
            transactions.engine, restarted, InProcessDoorbell(), name
        ),
    )
    seen = []

    def look(platform):
        seen.append(restarted.now())
        platform.stop.set()

    assert serve([], runtime, look) == 0
    assert seen == [START]
