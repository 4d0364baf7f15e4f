"""How long a halt takes, from its begin to its commit, while verdicts and claims pour in.

Once it has committed no claim commits: each holds a share lock on the row that the halt writes.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from launcher.assembly import build_services
from launcher.database import migrate
from risk.app import opening_of, own_transactions
from risk.handlers.state import change_state
from risk.repository.policy import Opening
from risk.settings import RiskSettings
from shared.bus.consumer import Consumer
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import TradingState
from shared.runtime.logging import configure
from shared.runtime.service import Runtime
from tests.bench.figures import Figure, latency
from tests.bench.halt_load import LIMITS, runtime_at
from tests.builders import EQUITY
from tests.conftest import MariaDbServer

_HALTS, _THREADS, _GROUP = 300, 8, 50
_TARGET_MS = 50.0
_MONEY = Decimal(10_000_000)


def measure() -> list[Figure]:
    configure(as_json=True, level="WARNING")
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="trading-bench-")))
        server = MariaDbServer(folder)
        server.start()
        held.callback(server.stop)
        migrate(server.address)
        runtime = runtime_at(server.port, folder)
        _open(runtime)
        return [
            _figure("verdicts and claims from 16 threads", runtime, server, (_THREADS, 1)),
            _figure(f"as services run, verdicts by {_GROUP}", runtime, server, (1, _GROUP)),
        ]


def _open(runtime: Runtime) -> None:
    (service,) = build_services(runtime, ("risk",), risk=LIMITS)
    consumer = Consumer("risk", runtime.transactions("risk"), service.handlers, 1.0)
    consumer.subscribe()
    amounts = ("equity", "cash", "peak_equity", "day_start_equity")
    with runtime.transactions("bench").begin() as uow:
        uow.emit(replace(EQUITY, positions=(), **dict.fromkeys(amounts, _MONEY)))
    consumer.handle_waiting()


def _figure(load: str, runtime: Runtime, server: MariaDbServer, reviews: tuple[int, int]) -> Figure:
    opening = opening_of(RiskSettings(), runtime.settings)
    transactions = own_transactions(runtime)
    threads, size = reviews
    with ExitStack() as held:
        loads = [
            _start(("reviewers", server.port, threads, size), held),
            _start(("claimers", server.port, threads, 1), held),
        ]
        began = time.perf_counter()
        seconds = _halts(transactions, opening)
        counts = [int(one.communicate()[0]) for one in loads]
        lasted = time.perf_counter() - began
    verdicts, claims = (f"{done / lasted:.0f}" for done in counts)
    return latency(
        f"halt under load: {load}, MariaDB",
        seconds,
        "ms",
        p99_target=_TARGET_MS,
        target=_TARGET_MS,
        beside=f"{_HALTS} halts; {verdicts} reviews/s and {claims} claims/s meanwhile",
    )


def _start(words: Sequence[object], held: ExitStack) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.halt_load", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    held.callback(started.kill)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def _halts(transactions: Transactions, opening: Opening) -> list[float]:
    """Halt again and again, at odd moments; what follows each halt is not counted."""
    pauses = np.random.default_rng(7).uniform(0.005, 0.06, _HALTS)
    found: list[float] = []
    for pause in pauses:
        time.sleep(pause)
        found.append(_seconds(transactions, opening, TradingState.HALT))
        _seconds(transactions, opening, TradingState.RUN)
    return found


def _seconds(transactions: Transactions, opening: Opening, state: TradingState) -> float:
    start = time.perf_counter()
    changed = transactions.attempt(
        lambda uow: change_state(uow, opening, state, "bench", "measured")
    )
    seconds = time.perf_counter() - start
    assert changed is not None
    return seconds
