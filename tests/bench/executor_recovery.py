"""From SIGKILL to the first claim of the successor, with orders resting and coins held."""

import time
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import httpx

from executor.tables import orders
from shared.domain.enums import Side
from tests.bench.executor_rig import Desk, Servers, start_executor, start_venue
from tests.bench.figures import Figure
from tests.builders import PLAN
from venues.port import VenueName

_RESTING, _HELD = 50, 20
_FAR_BELOW = Decimal(95)
_SETTLE_SECONDS = 90.0
_PAUSE = 0.4
_RESTS = {"EXECUTOR__TIME_IN_FORCE": "gtc"}


def recovery(servers: Servers, name: VenueName, folder: Path) -> list[Figure]:
    """Kill an executor that has 50 orders resting and 20 holdings; let another take over."""
    with ExitStack() as held:
        venue = start_venue(name, held, is_limited=True)
        desk = Desk(servers, venue, held)
        client = held.enter_context(httpx.Client(timeout=2.0))
        first = start_executor(servers, venue, folder, **_RESTS)
        held.callback(first.end)
        first.wait_ready(client)
        _fill_the_book(desk)
        working, holdings = len(desk.rows(orders.c.is_working)), len(desk.rows(orders.c.is_held))
        killed_at = time.monotonic()
        first.process.kill()
        first.process.wait(10)
        second = start_executor(servers, venue, folder, **_RESTS)
        held.callback(second.end)
        ready = second.wait_ready(client) + second.started_at - killed_at
        (last,) = desk.approve(Side.BUY, limit_price=_FAR_BELOW)
        desk.wait_status(last, ("open",))
        claims = [at for point, at in second.marks() if point == "executor.claim_after_commit"]
    return [
        Figure(
            what=f"{name}: SIGKILL -> successor ready, {_RESTING} resting, {_HELD} held",
            value=ready,
            unit="s",
            target=15.0,
            beside=f"{working} working orders (stops among them), {holdings} holdings; first "
            f"claim at {claims[-1] - killed_at:.1f} s; the dead one's lease lasts up to 9 s",
        )
    ]


def _fill_the_book(desk: Desk) -> None:
    for _ in range(_HELD):
        (bought,) = desk.approve(Side.BUY, bracket=PLAN)
        desk.wait_status(bought, ("filled",))
        time.sleep(_PAUSE)
    for _ in range(_RESTING):
        (rests,) = desk.approve(Side.BUY, limit_price=_FAR_BELOW)
        desk.wait_status(rests, ("open",))
        time.sleep(_PAUSE)
    _settle(desk)


def _settle(desk: Desk) -> None:
    """Wait until what is held is protected and nothing is on its way."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 3.0:
        if any(one.status != "open" for one in desk.rows(orders.c.is_working)):
            quiet_since = time.monotonic()
        if time.monotonic() > deadline:
            raise RuntimeError(f"the books do not settle: {desk.counted()}")
        time.sleep(0.2)
