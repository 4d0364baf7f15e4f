"""Killed again while recovering, adopting, canceling: whoever comes next finds the same truth."""

import time
from decimal import Decimal

import pytest

from executor.tasks.sending import WINDOW
from shared.domain.enums import OrderStatus, OrderType, Side, TimeInForce, TradingState
from shared.domain.ids import DecisionId, client_order_id
from shared.domain.venue import Accepted, OrderRequest
from simulator.engine.model import State
from tests.crash.points import Point
from tests.crash.verdict import check
from tests.venue_world import ACCOUNT
from venues.budget import LocalBudget
from venues.opening import Credentials, adapter_of
from venues.port import VenueKeys, VenueName

VENUES = [str(one) for one in VenueName]
RESTING_PRICE = Decimal(95)
# of the process that finds an order which never left
SECOND_DEATHS = {
    "lease_taken": Point(at="executor:after:1", thread="leader"),
    "doubted": Point(at="executor:after:1", thread="syncer"),
    "looked": Point(at="executor.looked:2"),
    "absent_before_commit": Point(at="executor.absent_before_commit:1"),
    "absent_after_commit": Point(at="executor:after:3", thread="resolver"),
}
OFTEN = ("absent_before_commit", "lease_taken")


@pytest.mark.parametrize(
    ("venue", "name"),
    [
        pytest.param(venue, name, marks=() if name in OFTEN else pytest.mark.long)
        for venue in VENUES
        for name in SECOND_DEATHS
    ],
)
def test_a_successor_that_dies_too_changes_nothing(scene_at, venue, name):
    point, scene = SECOND_DEATHS[name], scene_at(venue)
    first = scene.start("executor.signed:1", native_stops=False).ready()
    decision = scene.buy("BTC")[0]
    first.dies()
    scene.expire_lease()
    scene.start(point.at, point.rig()).dies(20)
    scene.restart()
    scene.wait_status(decision, OrderStatus.ABSENT)
    scene.settled()
    check(scene)


def placed_by_hand(scene, identity):
    """Send an order with our tag past the executor."""
    keys = VenueKeys(
        key=scene.sim.key.key, secret=scene.sim.key.secret, passphrase=scene.sim.key.passphrase
    )
    credentials = Credentials(
        keys=keys, address=scene.sim.address, budget=LocalBudget(venue=scene.venue)
    )
    adapter = adapter_of(scene.venue, credentials)  # its package is imported here, and dated after
    request = OrderRequest(
        client_order_id=identity, symbol=scene.symbol, side=Side.BUY,
        order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, quantity=Decimal("0.5"),
        limit_price=RESTING_PRICE, stop_price=None, good_until=None, is_post_only=False,
        signed_at=scene.clock.now(), window=WINDOW, send_by=time.monotonic() + 5,
    )  # fmt: skip
    return adapter.submit(request)


@pytest.mark.parametrize("venue", VENUES)
def test_an_order_without_a_row_is_adopted_once(scene_at, venue):
    scene = scene_at(venue)
    scene.start().ready().kill()
    identity = client_order_id("paper", ACCOUNT, DecisionId("a restored backup forgot this one"))
    assert isinstance(placed_by_hand(scene, identity), Accepted)
    scene.expire_lease()
    scene.start("executor.adopting:1").dies(20)
    third = scene.restart()
    scene.wait(lambda: [row["status"] for row in scene.rows()] == [OrderStatus.OPEN])
    answer = third.post(f"/orders/{identity}/cancel")
    assert answer.status_code == 200, answer.text
    scene.settled()
    assert scene.rows()[0]["status"] == OrderStatus.CANCELED
    check(scene, surprises=1)


@pytest.mark.parametrize("venue", VENUES)
def test_a_cancel_survives_the_death_of_who_asked_for_it(scene_at, venue):
    scene = scene_at(venue)
    first = scene.start("executor.cancel_sent:1", time_in_force="gtc").ready()
    decision = scene.buy("BTC", limit_price=RESTING_PRICE)[0]
    scene.wait_status(decision, OrderStatus.OPEN)
    scene.say_state(TradingState.REDUCE)
    first.dies()
    scene.restart()
    scene.wait_status(decision, OrderStatus.CANCELED)
    scene.settled()
    assert [one.state for one in scene.sim.oracle().orders] == [State.CANCELED]
    check(scene)
