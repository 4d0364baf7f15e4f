"""Two executors on one account: one acts, the other waits; whoever is slow has lost its turn."""

import signal
import time
from decimal import Decimal

import pytest
from sqlalchemy import update

from shared.db.control import control
from shared.domain.enums import OrderStatus
from tests.crash.figures import tell
from tests.crash.verdict import check
from venues.port import VenueName

VENUES = [str(one) for one in VenueName]
TAKEN_OVER_WITHIN = 15.0
SMALL = Decimal("0.05")
BURST = 20
# with twenty brackets the hastened looks would use up Coinbase's thirty requests a second
CALM = {"native_stops": False, "tick_seconds": 1.0}


def two(scene, rig=None, crash_at="", **settings):
    """Start a leader and, once it leads, another that waits for its turn."""
    leader = scene.start(crash_at, rig, **settings).ready()
    other = scene.start(**settings)
    scene.wait(lambda: "leader" in (other.checks() or ()))
    return leader, other


def burst(scene, number=BURST):
    return [
        decision for _ in range(number // 2) for decision in scene.buy("BTC", "ETH", quantity=SMALL)
    ]


def taken_over(other, since):
    """Wait until it leads and is ready; return how long that took."""
    while other.problems():
        assert time.monotonic() - since < TAKEN_OVER_WITHIN, other.problems()
        time.sleep(0.05)
    return time.monotonic() - since


def claimed(scene):
    return [row for row in scene.rows() if row["claimed_at"] is not None]


@pytest.mark.parametrize(
    "venue",
    [
        pytest.param(one, marks=() if one == VenueName.BINANCE_US else pytest.mark.long)
        for one in VENUES
    ],
)
def test_the_other_takes_over_in_the_middle_of_a_burst(scene_at, venue, record_property):
    scene = scene_at(venue)
    leader, other = two(scene, **CALM)
    said = other.problems()
    assert said.keys() == {"leader", "recovered"}
    assert "waiting for it" in said["leader"]
    token = scene.holder()["token"]
    decisions = burst(scene)
    scene.wait(lambda: len(claimed(scene)) >= BURST // 3)
    leader.kill()
    seconds = taken_over(other, time.monotonic())
    record_property("takeover_seconds", seconds)
    tell(f"{venue}: taken over {seconds:.2f} s after kill -9")
    assert scene.holder()["token"] == token + 1
    scene.settled(BURST, seconds=30)
    ended = [scene.status(one) for one in decisions]
    assert ended.count(OrderStatus.ABSENT) <= 1  # the one that was in the dead one's hand
    assert ended.count(OrderStatus.FILLED) >= BURST - 1
    check(scene)


PAUSED = [
    # nothing has left when it is paused, and it is too late when it goes on
    ("binance_us", "executor.signed", ()),
    ("coinbase", "executor.signed", pytest.mark.long),
    ("kucoin", "executor.signed", pytest.mark.long),
    # half a request has left: the rest of it comes when the venue no longer takes it
    ("coinbase", "venue.mid_send", ()),
    ("kucoin", "venue.mid_send", pytest.mark.long),
    ("binance_us", "venue.mid_send", pytest.mark.long),
]


@pytest.mark.parametrize(
    ("venue", "point"),
    [pytest.param(venue, point, marks=marks) for venue, point, marks in PAUSED],
)
def test_one_that_was_paused_for_longer_than_its_lease_sends_nothing_more(scene_at, venue, point):
    scene = scene_at(venue)
    leader, other = two(scene, {"pauses": 1}, f"{point}:3", **CALM)
    decisions = burst(scene, 6)
    leader.pauses()
    seconds = taken_over(other, time.monotonic())
    tell(f"{venue}: taken over {seconds:.2f} s after the pause began")
    scene.settled(6, seconds=30)
    ended = [scene.status(one) for one in decisions]
    assert sorted(ended) == [OrderStatus.ABSENT] + 5 * [OrderStatus.FILLED]
    held = [row["client_order_id"] for row in scene.rows() if row["status"] == OrderStatus.ABSENT]
    placed = len(scene.sim.oracle().orders)
    leader.send(signal.SIGCONT)
    scene.wait(lambda: "waiting for it" in leader.problems().get("leader", ""))
    time.sleep(1.0)
    assert len(scene.sim.oracle().orders) == placed
    assert scene.seen.creates.keys() & held == (set(held) if "mid_send" in point else set())
    later = scene.buy("BTC", quantity=SMALL)[0]
    scene.wait_status(later, OrderStatus.FILLED)
    scene.settled(7)
    assert leader.ended() is None
    check(scene, doubts=held)


@pytest.mark.parametrize("point", ["executor.claim_before_commit", "executor.facts_before_commit"])
def test_one_paused_within_a_transaction_holds_up_neither_successor_nor_halt(scene_at, point):
    scene = scene_at("kucoin")
    leader, other = two(scene, {"pauses": 1, "thread": "sender"}, f"{point}:3", **CALM)
    burst(scene, 6)
    leader.pauses()
    paused_at = time.monotonic()
    scene.runtime.transactions("risk").attempt(_touch_control)
    halted = time.monotonic() - paused_at
    seconds = taken_over(other, paused_at)
    tell(f"{point}: the halt waited {halted:.2f} s, taken over after {seconds:.2f} s")
    assert halted < 4.0
    scene.settled(6, seconds=30)
    assert {row["status"] for row in scene.rows()} == {OrderStatus.FILLED}
    leader.send(signal.SIGCONT)
    scene.wait(lambda: "waiting for it" in leader.problems().get("leader", ""))
    scene.settled(6)
    check(scene)


def _touch_control(uow):
    """Lock what every change of the trading state locks."""
    uow.connection.execute(update(control).values(version=control.c.version + 1))


def test_a_leader_that_goes_politely_is_followed_at_once(scene_at):
    scene = scene_at("kucoin")
    leader, other = two(scene)
    leader.send(signal.SIGTERM)
    seconds = taken_over(other, time.monotonic())
    tell(f"taken over {seconds:.2f} s after SIGTERM")
    assert seconds < 5.0
    scene.wait(lambda: leader.ended() is not None)
    assert leader.code == 0
    decision = scene.buy("BTC")[0]
    scene.wait_status(decision, OrderStatus.FILLED)
    scene.settled()
    check(scene)
