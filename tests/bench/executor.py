"""Orders at each simulated venue: our overhead, orders/s, recovery after SIGKILL, memory."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from executor.tables import orders
from shared.domain.enums import Side
from tests.bench.chain_apart import start_servers
from tests.bench.executor_recovery import recovery
from tests.bench.executor_rig import Desk, Servers, start_executor, start_venue
from tests.bench.figures import Figure, latency, skipped
from tests.bench.machine import resident_mb
from venues.port import VenueName

_SINGLES, _PACE_SECONDS = 60, 0.35
_SUSTAINED_SECONDS = 20.0
_MANY = 5_000
_IN_HAND = 20
_LIMIT_SECONDS = 600.0

# what happens to one order, in this order
_BEGUN, _COMMITTED, _LEFT = "claim.begun", "executor.claim_after_commit", "venue.mid_send"
_ANSWERED, _RECORDED = "venue.answered", "executor.facts_after_commit"

Passage = dict[str, float]


def measure() -> list[Figure]:
    figures: list[Figure] = []
    with ExitStack() as held:
        folder = Path(held.enter_context(TemporaryDirectory(prefix="trading-bench-")))
        database, redis = start_servers(folder, held)
        servers = Servers(database=database, redis=redis)
        for name in VenueName:
            sys.stderr.write(f"  {name} ...\n")
            figures += _imports(name)
            for part in (_within_limits, _without_limits, recovery):
                figures += _attempted(part, servers, name, folder)
    return figures


def _attempted(part, servers: Servers, name: VenueName, folder: Path) -> list[Figure]:
    try:
        return part(servers, name, folder)
    except (RuntimeError, OSError) as error:
        return [skipped(f"{name}: {part.__name__}", str(error))]


def passages(marks: Sequence[tuple[str, float]]) -> list[Passage]:
    """Return when each order passed each point; those that were not sent are left out."""
    found: list[Passage] = []
    for point, at in marks:
        if point == _BEGUN:
            found.append({})
        if found:
            found[-1][point] = at
    return [one for one in found if _LEFT in one and _RECORDED in one]


def _spans(passed: Sequence[Passage], begin: str, end: str) -> list[float]:
    return [one[end] - one[begin] for one in passed]


def _within_limits(servers: Servers, name: VenueName, folder: Path) -> list[Figure]:
    """Measure orders one at a time, then as many as the venue's limits let through."""
    with ExitStack() as held:
        venue = start_venue(name, held, is_limited=True)
        desk = Desk(servers, venue, held)
        executor = start_executor(servers, venue, folder)
        held.callback(executor.end)
        with httpx.Client(timeout=2.0) as client:
            executor.wait_ready(client)
        executor.marks()
        _one_by_one(desk)
        passed = passages(executor.marks())
        figures = _overheads(name, passed, desk.approved_at)
        _wait_for_a_minute()
        return [*figures, _sustained(desk, name)]


def _one_by_one(desk: Desk) -> None:
    for _ in range(_SINGLES // 2):
        (bought,) = desk.approve(Side.BUY)
        desk.wait_status(bought)
        time.sleep(_PACE_SECONDS)
        (entry,) = desk.rows(orders.c.decision_id == bought)
        desk.wait_status(desk.leave(entry))
        time.sleep(_PACE_SECONDS)


def _overheads(
    name: VenueName, passed: Sequence[Passage], approved_at: Sequence[float]
) -> list[Figure]:
    if len(passed) != len(approved_at):
        raise RuntimeError(f"{len(passed)} of {len(approved_at)} orders were sent")
    venue = _spans(passed, _LEFT, _ANSWERED)
    whole = _spans(passed, _BEGUN, _RECORDED)
    ours = [all_ - theirs for all_, theirs in zip(whole, venue, strict=True)]
    until = [one[_LEFT] - at for one, at in zip(passed, approved_at, strict=True)]
    claiming = statistics.median(_spans(passed, _BEGUN, _COMMITTED)) * 1e3
    recording = statistics.median(_spans(passed, _ANSWERED, _RECORDED)) * 1e3
    answering = statistics.median(venue) * 1e3
    return [
        latency(
            f"{name}: claim committed -> first byte on the wire",
            _spans(passed, _COMMITTED, _LEFT), "ms", target=4.0,
            beside=f"the claim's own transaction before it {claiming:.1f} ms",
        ),
        latency(
            f"{name}: submit -> ack recorded, without the venue", ours, "ms",
            beside=f"claim {claiming:.1f} ms, answer -> recorded {recording:.1f} ms; taken off: "
            f"simulator and loopback {answering:.1f} ms",
        ),
        latency(
            f"{name}: approval committed -> first byte on the wire", until, "ms",
            beside=f"with a fresh price asked for each; {len(until)} orders, half of them exits",
        ),
    ]  # fmt: skip


def _wait_for_a_minute() -> None:
    """Wait until every window of every limit is new (the longest of importance is a minute)."""
    time.sleep(60.5 - time.time() % 60)


def _sustained(desk: Desk, name: VenueName) -> Figure:
    before = desk.counted()
    seconds = _pushed(desk, _SUSTAINED_SECONDS, 10**9)
    counts = {status: n - before.get(status, 0) for status, n in desk.counted().items()}
    sent = counts.get("filled", 0)
    rest = ", ".join(f"{n} {status}" for status, n in counts.items() if status != "filled" and n)
    return Figure(
        what=f"{name}: orders within the venue's limits",
        value=sent / seconds,
        unit="orders/s",
        beside=f"{sent} filled in {seconds:.0f} s; {rest or 'nothing else'}",
    )


def _pushed(desk: Desk, seconds: float, most: int) -> float:
    """Keep buying and selling what was bought, so long or so many; return the seconds."""
    began = time.monotonic()
    left, said = set(), 0
    while time.monotonic() - began < seconds and said < most:
        for entry in desk.rows(orders.c.is_held):
            if entry.client_order_id not in left and entry.status == "filled" and said < most:
                left.add(entry.client_order_id)
                desk.leave(entry)
                said += 1
        missing = min(_IN_HAND - len(desk.rows(orders.c.is_working)), most - said)
        if missing > 0:
            desk.approve(Side.BUY, missing)
            said += missing
        time.sleep(0.02)
    while most < 10**9 and desk.rows(orders.c.is_working):
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"not done after {seconds:.0f} s: {desk.counted()}")
        time.sleep(0.02)
    return time.monotonic() - began


def _without_limits(servers: Servers, name: VenueName, folder: Path) -> list[Figure]:
    """Measure how many orders we can send, and what so many leave in memory."""
    with ExitStack() as held:
        venue = start_venue(name, held, is_limited=False)
        desk = Desk(servers, venue, held)
        executor = start_executor(servers, venue, folder, BENCH_LIFTED="1")
        held.callback(executor.end)
        with httpx.Client(timeout=2.0) as client:
            executor.wait_ready(client)
        at_start = resident_mb(executor.process.pid)
        seconds = _pushed(desk, _LIMIT_SECONDS, _MANY)
        passed = passages(executor.marks())
        resident = resident_mb(executor.process.pid)
        ended = ", ".join(f"{n} {status}" for status, n in desk.counted().items())
    overhead = _spans(passed, _BEGUN, _LEFT)
    early, late = (statistics.median(some) * 1e3 for some in (overhead[:500], overhead[-500:]))
    return [
        Figure(
            what=f"{name}: orders without limits, our ceiling",
            value=len(passed) / seconds,
            unit="orders/s",
            beside=f"{ended}; claim begun -> first byte "
            f"{early:.1f} ms for the first 500, {late:.1f} ms for the last",
        ),
        Figure(
            what=f"{name}: executor resident after {_MANY} orders",
            value=resident,
            unit="MB",
            target=120.0,
            beside=f"{at_start:.0f} MB when it was ready",
        ),
    ]


def _imports(name: VenueName) -> list[Figure]:
    """Measure what an adapter and its package take beside the executor itself."""
    code = (
        "import sys, time\n"
        "import executor.app\n"
        "from tests.bench.machine import resident_mb\n"
        "before, start = resident_mb(), time.perf_counter()\n"
        "from importlib import import_module\n"
        "for part in ('adapter', 'stream'):\n"
        f"    import_module(f'venues.{name}.' + part)\n"
        "print(time.perf_counter() - start, resident_mb() - before)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    found = sorted(tuple(map(float, run.stdout.split())) for run in runs)
    seconds, memory = found[1]
    return [
        Figure(
            what=f"{name}: import of the adapter",
            value=seconds,
            unit="s",
            beside=f"{memory:.0f} MB more resident than the executor without it",
        )
    ]
