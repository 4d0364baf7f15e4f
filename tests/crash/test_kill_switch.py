"""The kill switch while orders pour in: no claim commits after it, resting entries are canceled."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.domain.enums import OrderStatus, TradingState
from simulator.engine.model import State
from tests.crash.figures import tell
from tests.crash.verdict import check
from venues.port import VenueName

PER_SECOND = 8
SECONDS = 4
HALTED_AFTER = 2.0
CANCELED_WITHIN = 2.0
RESTING_PRICE = Decimal(95)
SMALL = Decimal("0.05")
SETTINGS = {"time_in_force": "gtc", "max_orders_per_minute": 1000}


def pour(scene):
    """Say approvals at a steady rate, whatever happens to them."""
    began = time.monotonic()
    for number in range(PER_SECOND * SECONDS):
        time.sleep(max(began + number / PER_SECOND - time.monotonic(), 0))
        scene.buy("BTC", quantity=SMALL, limit_price=RESTING_PRICE)


def claimed(scene):
    return {row["client_order_id"] for row in scene.rows() if row["claimed_at"] is not None}


@pytest.mark.parametrize("venue", [str(one) for one in VenueName])
def test_no_claim_commits_after_the_halt_and_entries_are_canceled(scene_at, venue, record_property):
    scene = scene_at(venue)
    scene.start(rig={"times": "real"}, **SETTINGS).ready()
    pouring = threading.Thread(target=pour, args=(scene,))
    pouring.start()
    time.sleep(HALTED_AFTER)
    asked_at = time.monotonic()
    scene.say_state(TradingState.HALT)
    halted_at, halting = datetime.now(UTC), time.monotonic() - asked_at
    at_the_halt = claimed(scene)
    pouring.join()
    scene.wait(lambda: len(scene.rows()) == PER_SECOND * SECONDS)
    scene.settled(PER_SECOND * SECONDS)
    assert claimed(scene) == at_the_halt
    assert len(at_the_halt) >= PER_SECOND * HALTED_AFTER / 2
    canceled = [one for one in scene.sim.oracle().orders if one.state is State.CANCELED]
    assert {one.client_order_id for one in canceled} == at_the_halt
    slowest = max((one.updated_at - halted_at).total_seconds() for one in canceled)
    record_property("cancel_seconds", slowest)
    tell(
        f"{venue}: halt committed in {halting * 1000:.1f} ms, {len(canceled)} orders canceled "
        f"within {slowest:.2f} s, {PER_SECOND * SECONDS - len(canceled)} never sent"
    )
    assert slowest <= CANCELED_WITHIN
    ended = {row["status"] for row in scene.rows()}
    assert ended == {OrderStatus.CANCELED, OrderStatus.NOT_SENT}
    check(scene)
