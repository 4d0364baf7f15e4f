"""Forks executors from one process in which everything has been imported: `python -m`, for tests.

Reads one JSON document a line: `{"start": {environment}, "log": file}` answers the process id,
`{"ended": pid}` answers how it ended, or null while it lives. What it forks is a real process that
runs the executor's own `main`; only waiting is shorter in it (`_hasten`), and a crash point may be
armed later (SIGUSR1), count only in threads whose name is like this, or pause the process instead
of ending it.
"""

import ctypes
import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from executor.app import at_venue, build
from executor.core import absence
from executor.settings import ExecutorSettings
from executor.tasks import balancing, looking
from executor.tasks.protecting import Protector
from shared.runtime import service
from shared.runtime.process import main
from venues.binance_us.adapter import BinanceUs
from venues.binance_us.stream import BinanceUsStream  # noqa: F401 - imported once, before forking
from venues.coinbase.adapter import Coinbase
from venues.coinbase.stream import CoinbaseStream  # noqa: F401
from venues.kucoin.adapter import KuCoin
from venues.kucoin.stream import KuCoinStream  # noqa: F401

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_libc = ctypes.CDLL(None)
_crash_points = service.crash_points


def _hasten(finality: float, answered_within: float) -> None:
    """Let less time pass where a test would only wait; the order of things stays as it is."""
    for adapter in (BinanceUs, Coinbase, KuCoin):
        adapter.finality = property(lambda _self: timedelta(seconds=finality))
    absence.APART = timedelta(seconds=0.2)
    balancing._LOOK_AGAIN_SECONDS = 0.2
    looking.ANSWERED_WITHIN = timedelta(seconds=answered_within)
    at_venue.POLL_SECONDS = 0.1
    pauses = ExecutorSettings.pauses
    ExecutorSettings.pauses = lambda told: replace(pauses(told), resolve=0.2, poll=0.1)


def _arm(thread: str, *, is_later: bool) -> None:
    """Count crash points from the start or from SIGUSR1 on, in threads named so."""
    armed = threading.Event()
    if not is_later:
        armed.set()
    signal.signal(signal.SIGUSR1, lambda *_: armed.set())

    def crash_points(crash_at: str) -> Callable[[str], None]:
        reach = _crash_points(crash_at)

        def reached(point: str) -> None:
            if armed.is_set() and re.search(thread, threading.current_thread().name):
                reach(point)

        return reached

    service.crash_points = at_venue.crash_points = crash_points
    if is_later:
        _protect_from(armed)


def _protect_from(armed: threading.Event) -> None:
    """Keep brackets only once armed, so that what is armed is the first stop."""
    round_ = Protector.round
    Protector.round = lambda self: round_(self) if armed.is_set() else None


def _pause_instead() -> None:
    """Let a crash point stop the process as a debugger or a hypervisor does, not end it."""

    def pause(pid: int, _number: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)  # another thread may take the signal: go no further until all stand still

    service.os = SimpleNamespace(getpid=os.getpid, kill=pause)


def _live(environment: dict[str, str], log: str) -> None:
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for told, ours in ((nowhere, 0), (words, 1), (words, 2)):
        os.dup2(told, ours)
    rig = {name: environment.pop(name) for name in list(environment) if name.startswith("RIG_")}
    os.environ.update(environment)
    at_venue.PORT = int(rig["RIG_PORT"])
    if rig.get("RIG_TIMES") != "real":
        _hasten(float(rig.get("RIG_FINALITY", "1")), float(rig.get("RIG_ANSWERED_WITHIN", "15")))
    _arm(rig.get("RIG_THREAD", ""), is_later=bool(rig.get("RIG_ARMED_LATER")))
    if rig.get("RIG_PAUSES"):
        _pause_instead()
    main(at_venue.NAME, at_venue.PORT, ExecutorSettings, build)


def _start(environment: dict[str, str], log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _live(environment, log)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - whatever it was, its log tells
        traceback.print_exc()
    finally:
        os._exit(code)


def _ended(pid: int) -> int | None:
    done, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if done else None


def _answer(asked: dict[str, Any]) -> int | None:
    if "start" in asked:
        return _start(asked["start"], asked["log"])
    return _ended(asked["ended"])


if __name__ == "__main__":
    assert threading.active_count() == 1, threading.enumerate()  # forking keeps only one
    _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line))) + "\n")
        sys.stdout.flush()
