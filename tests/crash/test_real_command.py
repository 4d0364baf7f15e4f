"""`python -m executor`, with nothing hastened: killed by SIGKILL, started again, ready in time."""

import os
import subprocess
import sys
import time

import pytest

from shared.domain.enums import OrderStatus
from tests.crash.executors import REPOSITORY, Executor
from tests.crash.figures import tell
from tests.crash.scene import Scene
from tests.crash.verdict import check
from venues.port import VenueName

RECOVERED_WITHIN = 15.0
PORT = 8024


class Command(Executor):
    """An executor started by its own command, on an address of its own."""

    def __init__(self, environment, log, host):
        self.log, self.host = log, host
        self.started_at, self.recovery, self.code = time.monotonic(), None, None
        clean = {"PATH": os.environ["PATH"], "TRADING_BIND_HOST": host}
        with log.open("ab") as words:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "executor"], cwd=REPOSITORY, env={**clean, **environment},
                stdin=subprocess.DEVNULL, stdout=words, stderr=words,
            )  # fmt: skip
        self.pid = self.process.pid

    def ended(self):
        self.code = self.process.poll()
        return self.code

    @property
    def url(self):
        return f"http://{self.host}:{PORT}"


class Commanding(Scene):
    def start(self, crash_at="", **settings):
        environment = {**self.environment(**settings), "TRADING_CRASH_AT": crash_at}
        log = self.folder / f"executor-{next(self._numbers)}.log"
        started = Command(environment, log, self.host)
        self.executors.append(started)
        return started


@pytest.fixture
def commanding(scene_at, worker_id):
    def open_scene(venue):
        scene = scene_at(venue)
        scene.__class__ = Commanding
        # two workers at once: the port is fixed, the address is not
        number = 10 + int(worker_id.removeprefix("gw") if worker_id != "master" else 99)
        scene.host = f"127.0.{number}.{1 + [str(one) for one in VenueName].index(venue)}"
        return scene

    return open_scene


@pytest.mark.parametrize(
    "venue",
    [
        pytest.param(str(one), marks=() if one is VenueName.COINBASE else pytest.mark.long)
        for one in VenueName
    ],
)
def test_it_is_ready_again_in_time(commanding, venue, record_property):
    scene = commanding(venue)
    scene.start("executor.answered:1").ready()
    decision = scene.buy("BTC")[0]
    killed = scene.executors[0]
    killed.dies()
    second = scene.start().ready(RECOVERED_WITHIN + 5)
    record_property("recovery_seconds", second.recovery)
    tell(f"{venue}: ready {second.recovery:.2f} s after the start that followed kill -9")
    assert second.recovery <= RECOVERED_WITHIN
    scene.wait_status(decision, OrderStatus.FILLED)
    scene.settled()
    check(scene)


@pytest.mark.long
@pytest.mark.parametrize("venue", [str(one) for one in VenueName])
def test_an_order_that_never_left_is_absent_after_the_real_horizon(commanding, venue):
    scene = commanding(venue)
    scene.start("executor.signed:1").ready()
    decision = scene.buy("BTC")[0]
    scene.executors[0].dies()
    scene.start().ready()
    scene.wait_status(decision, OrderStatus.ABSENT, seconds=120)
    row = scene.row(decision)
    assert row["missed_at"] > row["final_after"] > row["signed_at"]
    assert row["misses"] == 3
    scene.settled()
    check(scene)


def test_recovery_times_of_a_process_alone(scene_at):
    """From start to ready, the lease being free: what of the 15 s is not the lease."""
    times = {}
    for venue in (str(one) for one in VenueName):
        scene = scene_at(venue)
        first = scene.start("executor.answered:1", {"times": "real"}).ready()
        scene.buy("BTC")
        first.dies()
        times[venue] = (first.recovery, scene.restart(rig={"times": "real"}).recovery)
        scene.settled()
        scene.end()
    tell("\nvenue        first start  after a crash   (s)")
    for venue, (first, again) in times.items():
        tell(f"{venue:12} {first:11.2f} {again:14.2f}")
    assert max(again for _, again in times.values()) < 5.0
