"""The database killed, or its word lost, in the middle of sending: what was told stays, once."""

import signal
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy.exc import SQLAlchemyError

from shared.db.engine import connect
from shared.domain.enums import OrderStatus
from tests.conftest import MariaDbServer
from tests.crash.proxy import LosesACommitAnswer
from tests.crash.scene import Scene, cleared, counted_exchange
from tests.crash.verdict import check
from tests.database import empty_database
from venues.port import VenueName

BURST = 10
SMALL = Decimal("0.05")
VENUES = [
    pytest.param(str(one), marks=() if one is VenueName.KUCOIN else pytest.mark.long)
    for one in VenueName
]


@pytest.fixture
def own_server(tmp_path):
    """A server that may be killed: the other tests keep theirs."""
    server = MariaDbServer(tmp_path)
    server.start()
    empty_database(server.address)
    yield server
    server.stop()


@pytest.fixture
def proxied(module_engine, mariadb_server, nursery, tmp_path):
    """A scene whose executors reach the database through a proxy."""
    opened = []

    def open_scene(venue):
        proxy = LosesACommitAnswer(mariadb_server.port)
        place = counted_exchange(venue)
        sim, seen = place.__enter__()
        address = replace(mariadb_server.address, port=proxy.port)
        scene = Scene(cleared(module_engine), address, sim, seen, nursery, tmp_path)
        opened.append((scene, place, proxy))
        return scene, proxy

    yield open_scene
    for scene, place, proxy in opened:
        scene.end()
        place.__exit__(None, None, None)
        proxy.close()


@pytest.mark.parametrize("venue", VENUES)
def test_the_database_is_killed_while_orders_are_sent(own_server, nursery, tmp_path, venue):
    engine = connect(own_server.address)
    with (
        counted_exchange(venue) as (sim, seen),
        Scene(engine, own_server.address, sim, seen, nursery, tmp_path) as scene,
    ):
        executor = scene.start(native_stops=False).ready()
        scene.buy(*["BTC", "ETH"] * (BURST // 2), quantity=SMALL)
        scene.wait(lambda: len(scene.fills()) >= BURST // 3)
        acknowledged = {one["trade_id"] for one in scene.fills()}
        own_server.stop(signal.SIGKILL)
        time.sleep(0.5)
        own_server.start()
        engine.dispose()
        assert acknowledged <= {one["trade_id"] for one in scene.fills()}
        if executor.ended() is not None:
            executor = scene.restart(native_stops=False)
        scene.wait(lambda: _quietly(lambda: scene.is_settled(BURST)), seconds=40)
        ended = [row["status"] for row in scene.rows()]
        assert ended.count(OrderStatus.FILLED) >= BURST - 1
        check(scene)
    engine.dispose()


def _quietly(ask):
    try:
        return ask()
    except SQLAlchemyError:
        return False


@pytest.mark.parametrize("venue", VENUES)
def test_a_claim_whose_commit_was_not_answered_is_not_sent(proxied, venue):
    scene, proxy = proxied(venue)
    scene.start(rig={"answered_within": 1}, native_stops=False).ready()
    proxy.arm(b"UPDATE crypto_transactions.orders", b"lease_token")
    first = scene.buy("BTC")[0]
    assert proxy.has_cut.wait(10)
    scene.wait_status(first, OrderStatus.ABSENT)
    assert not scene.seen.creates
    second = scene.buy("ETH")[0]
    scene.wait_status(second, OrderStatus.FILLED)
    scene.settled(2)
    check(scene)


@pytest.mark.parametrize("venue", VENUES)
def test_facts_whose_commit_was_not_answered_are_written_once(proxied, venue):
    scene, proxy = proxied(venue)
    scene.start(native_stops=False).ready()
    proxy.arm(b"INSERT INTO crypto_transactions.fills")
    decision = scene.buy("BTC")[0]
    assert proxy.has_cut.wait(10)
    scene.wait_status(decision, OrderStatus.FILLED)
    scene.settled()
    check(scene)


@pytest.mark.parametrize("venue", VENUES)
def test_an_approval_whose_intake_was_not_answered_becomes_one_order(proxied, venue):
    scene, proxy = proxied(venue)
    scene.start(native_stops=False).ready()
    proxy.arm(b"INSERT INTO crypto_transactions.orders ", b"DELETE")
    decision = scene.buy("BTC")[0]
    assert proxy.has_cut.wait(10)
    scene.wait_status(decision, OrderStatus.FILLED)
    scene.settled()
    check(scene)
