"""`python -m tests.bench.executor_served`: the executor's own process, with a clock at each point.

On SIGUSR1 it writes the instants at which each point was reached since (JSON, [point, seconds of
`time.monotonic()`]) to the file BENCH_MARKS, and forgets them. With BENCH_LIFTED no rate limit
holds anything up; entries per minute are never limited here.
"""

import json
import os
import signal
import threading
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from executor.app import at_venue, build
from executor.settings import ExecutorSettings
from executor.tasks.sending import Sender
from shared.runtime.process import main
from venues.budget import Pool

_WATCHED = ("executor.sender", "-sending")
_WITHOUT_END = 10**9
# held small: the memory of this process is one of the figures
_points: list[str] = []
_reached, _instants = array("b"), array("d")


def _is_watched() -> bool:
    name = threading.current_thread().name
    return any(one in name for one in _WATCHED)


def _mark(point: str) -> None:
    if point not in _points:
        _points.append(point)
    _instants.append(time.monotonic())
    _reached.append(_points.index(point))


def _reach(_crash_at: str) -> Callable[[str], None]:
    def reached(point: str) -> None:
        if _is_watched():
            _mark(point)

    return reached


def _tell(*_signal: object) -> None:
    told = [(_points[point], at) for point, at in zip(_reached, _instants, strict=False)]
    del _reached[:], _instants[:]
    file = Path(os.environ["BENCH_MARKS"])
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(told))
    draft.rename(file)


class _Endless:
    """A budget that grants everything and remembers nothing."""

    def spend(self, pool: Pool, units: int, *, is_urgent: bool = False) -> None:
        pass

    def learn(self, pool: Pool, used: int) -> None:
        pass

    def hold(self, seconds: float, *, is_ban: bool = False) -> None:
        pass

    def used_ratio(self) -> float:
        return 0.0


def _mark_claims() -> None:
    claim: Any = Sender._claim

    def marked(self: Sender, *told: object) -> object:
        _mark("claim.begun")
        return claim(self, *told)

    Sender._claim = marked  # type: ignore[method-assign]


def _lift_ceiling() -> None:
    ceilings = ExecutorSettings.ceilings
    ExecutorSettings.ceilings = lambda told: replace(  # type: ignore[method-assign]
        ceilings(told), max_orders_per_minute=_WITHOUT_END
    )


def serve() -> None:
    at_venue.PORT = int(os.environ["BENCH_PORT"])
    if os.environ["BENCH_MARKS"]:
        at_venue.crash_points = _reach
        _mark_claims()
    _lift_ceiling()
    if os.environ.get("BENCH_LIFTED"):
        at_venue._budget = lambda *_: _Endless()
    signal.signal(signal.SIGUSR1, _tell)
    profile = os.environ.get("BENCH_PROFILE")
    if profile:
        _profile(profile)
    main(at_venue.NAME, at_venue.PORT, ExecutorSettings, build)


def _profile(file: str) -> None:
    """Keep a profile of the sending thread, written when it ends."""
    import cProfile

    run: Any = Sender.run

    def profiled(self: Sender, stop: threading.Event) -> None:
        watcher = cProfile.Profile()
        watcher.runcall(run, self, stop)
        watcher.dump_stats(file)

    Sender.run = profiled  # type: ignore[method-assign]


if __name__ == "__main__":
    serve()
