"""Killed at every step of an order's way, at each venue, and started again: sent once or not at all.

Every case is a real process that is killed by SIGKILL at one point, and a second one that finds
what the first left behind. The simulator's oracle says what the venue really did. Stop-limit at
KuCoin is not applicable: no stop of ours rests there, and the synthetic exit of the bracket goes
the same way in its place.
"""

import time
from decimal import ROUND_FLOOR, Decimal

import pytest

from shared.domain.enums import OrderStatus, OrderType
from tests.crash.points import APPROVED, BRACKET
from tests.crash.verdict import check, exits, stops
from venues.port import VenueName

VENUES = [str(one) for one in VenueName]
NATIVE_STOPS = ("coinbase", "binance_us")
BASES = ("BTC", "ETH")
LOT = Decimal("0.0001")
BELOW_THE_STOP = Decimal("97.6")  # bought at 100, stopped at 98, limited at 97.02

OFTEN_MARKET = ("claim_after_commit", "mid_send", "venue_answered", "facts_before_commit")
OFTEN_STOP = ("protecting_after_commit", "signed", "venue_answered", "answered")


def cases(points, often):
    """Every venue and point, at the first and at the second order; those not often are long."""
    return [
        pytest.param(
            venue, name, hit, id=f"{venue}-{name}-{hit}",
            marks=() if hit == 1 and name in often else pytest.mark.long,
        )
        for venue in VENUES
        for name in points
        for hit in (1, 2)
    ]  # fmt: skip


def crashed_at(scene, point, hit, *, is_later=False, **settings):
    # the commits of a sender are claim and facts by turns
    times = 2 * hit if point.at == "executor:before" and point.thread == "sender" else hit
    rig = point.rig(**({"armed_later": 1} if is_later else {}))
    return scene.start(f"{point.at}:{times}", rig, **settings).ready()


def bought(scene, executor, bases):
    """Hold something of each, and arm the crash point."""
    scene.buy(*bases)
    scene.settled(len(bases))
    rows = scene.rows()
    assert all(row["status"] == OrderStatus.FILLED for row in rows)
    executor.arm()
    time.sleep(0.02)
    return rows


def apart(scene, executor, bases):
    """Give one after the other, the next once the one before was heard: not all in one batch."""
    for base in bases:
        yield base
        scene.wait(lambda: scene.is_heard() or executor.ended() is not None)


@pytest.mark.parametrize(("venue", "name", "hit"), cases(APPROVED, APPROVED))
def test_a_limit_order_survives_the_death_of_its_sender(scene_at, venue, name, hit):
    point, scene = APPROVED[name], scene_at(venue)
    first = crashed_at(scene, point, hit, native_stops=False)
    decisions = [scene.buy(base)[0] for base in apart(scene, first, BASES[:hit])]
    first.dies()
    scene.restart()
    scene.settled(hit)
    ended = [scene.status(one) for one in decisions]
    absent = ended.count(OrderStatus.ABSENT)
    assert absent in point.absent()
    assert ended.count(OrderStatus.FILLED) == hit - absent
    if venue in NATIVE_STOPS:
        scene.wait(scene.is_protected)
    check(scene)


@pytest.mark.parametrize(("venue", "name", "hit"), cases(APPROVED, OFTEN_MARKET))
def test_a_market_exit_survives_the_death_of_its_sender(scene_at, venue, name, hit):
    point, scene = APPROVED[name], scene_at(venue)
    settings = {"native_stops": False, "exit_type": "market"}
    first = crashed_at(scene, point, hit, is_later=True, **settings)
    held = bought(scene, first, BASES[:hit])
    of_base = {row["symbol"].split("-")[0]: row["open_quantity"] for row in held}
    for base in apart(scene, first, BASES[:hit]):
        scene.sell(base, quantity=of_base[base].quantize(LOT, ROUND_FLOOR))
    first.dies()
    scene.restart(**settings)
    scene.settled(2 * hit)
    ended = exits(scene)
    assert {row["order_type"] for row in ended} == {OrderType.MARKET}
    placed = [row["status"] for row in ended]
    assert placed.count(OrderStatus.ABSENT) in point.absent()
    assert placed.count(OrderStatus.FILLED) == hit - placed.count(OrderStatus.ABSENT), ended
    check(scene)


@pytest.mark.parametrize(("venue", "name", "hit"), cases(BRACKET, OFTEN_STOP))
def test_what_is_held_is_protected_whoever_dies(scene_at, venue, name, hit):
    point, scene = BRACKET[name], scene_at(venue)
    first = crashed_at(scene, point, hit, is_later=True)
    symbols = [row["symbol"] for row in _unprotected(scene, hit)]
    if venue not in NATIVE_STOPS:
        fall(scene, symbols)
    first.arm()
    first.dies()
    scene.restart()
    if venue in NATIVE_STOPS:
        scene.wait(scene.is_protected)
        scene.settled(2 * hit)
        check(scene)
        assert len(stops(scene)) - hit in point.absent()
        fall(scene, symbols)
    scene.wait(lambda: all(row["open_quantity"] < LOT for row in scene.rows()))
    scene.settled(2 * hit)
    check(scene)


def _unprotected(scene, number):
    scene.buy(*BASES[:number])
    scene.settled(number)
    return scene.rows()


def fall(scene, symbols):
    for symbol in symbols:
        scene.sim.exchange.set_price(symbol, BELOW_THE_STOP)
