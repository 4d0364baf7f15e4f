"""What is away lets nothing new through: risk, the database; exits and cancels go on."""

import asyncio
from dataclasses import replace

import httpx
import pytest

from executor.tables import orders
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.domain.enums import OrderStatus, Purpose
from shared.domain.events import (
    OrderFilled,
    OrderSubmitted,
    RecommendationApproved,
    RecommendationDenied,
    RecommendationExpired,
    RecommendationsIssued,
)
from shared.domain.values import ZERO
from tests.acceptance.drive import Drive, OneRound
from tests.acceptance.test_parity import told
from tests.acceptance.worlds import SEED, SHORT_LIVED_TRADES, WARM, settings_on
from tests.builders import ACCOUNT, APPROVED, HOUR, RECOMMENDATION
from tests.conftest import MariaDbServer
from tests.database import empty_database

KEY = "a" * 40
LONGEST = 150


@pytest.fixture(autouse=True)
def _short_lived_trades(monkeypatch):
    for name, value in {**SHORT_LIVED_TRADES, "TRADING_API_KEYS": f"admin:{KEY}"}.items():
        monkeypatch.setenv(name, value)


class Platform(Drive):
    """The services of a drive, some of which may be away."""

    def begin(self, instants):
        """Start everybody, and let them live through so many instants."""
        self.subscribe()
        for service in self.services:
            for task in service.tasks:
                if task is not self.feed:
                    task.run(OneRound())
        self.coming = iter(self.publisher.feed.instants(None))
        self.live(instants)
        return self

    def live(self, instants, without=()):
        """Let everybody else handle what there is, and then so many instants more."""
        here = [place for place, one in enumerate(self.consumers) if one.name not in without]
        self.settle(here)
        for _ in range(instants):
            self.publisher.publish(next(self.coming))
            self.settle(here)

    def live_until(self, is_so, without=()):
        for _ in range(LONGEST // 2):
            if is_so():
                return
            self.live(1, without)
        raise AssertionError("it never came to pass")

    def ask(self, service, method, path, body=None):
        api = next(one.api for one in self.services if one.name == service)

        async def asked():
            transport = httpx.ASGITransport(app=api)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://s", headers={"X-TRADING-API-KEY": KEY}
            ) as client:
                return await client.request(method, path, json=body)

        return asyncio.run(asked())

    def working(self, purpose):
        with self.engine.connect() as connection:
            rows = connection.execute(orders.select()).all()
        return [row for row in rows if row.purpose == purpose and row.status == OrderStatus.OPEN]


def platform(address, folder):
    empty_database(address)
    overrides = {"market_data": {"limit": WARM + LONGEST, "seed": SEED}}
    return Platform(settings=settings_on(address, folder), overrides=overrides)


@pytest.fixture
def running(sqlite_address, tmp_path):
    one = platform(sqlite_address, tmp_path)
    yield one.begin(WARM)
    one.close()


def filled(drive, purpose):
    return [fact for fact in told(drive, OrderFilled) if fact.order.purpose is purpose]


def test_while_risk_is_away_nothing_is_approved_and_what_is_held_stays_protected(running):
    running.live_until(lambda: is_held(running))
    approved = len(told(running, RecommendationApproved))
    wanted = len(told(running, RecommendationsIssued))
    left = len(filled(running, Purpose.EXIT))
    running.live_until(lambda: len(filled(running, Purpose.EXIT)) > left, without=("risk",))
    assert len(told(running, RecommendationsIssued)) > wanted  # it was asked
    assert len(told(running, RecommendationApproved)) == approved
    (by_bracket,) = filled(running, Purpose.EXIT)[left:]
    assert by_bracket.order.exit_reason in {"stop", "target"}
    assert not is_held(running)
    assert running.working(Purpose.ENTRY) == []


def is_held(drive):
    held = ZERO
    for fact in told(drive, OrderFilled):
        held += fact.fill.side.sign * fact.fill.quantity
    return held > ZERO and not drive.working(Purpose.EXIT)


def test_an_approval_that_nobody_acted_on_in_time_has_expired(running):
    def approvals():
        found = [one.approved for one in told(running, RecommendationApproved)]
        return {one.recommendation_id: one for one in found if one.purpose is Purpose.ENTRY}

    known = approvals().keys()
    executor = next(one for one in running.consumers if one.name == "executor")
    for _ in range(LONGEST // 2):
        running.publisher.publish(next(running.coming))
        executor.handle_waiting()  # the candles, which decisions wait for
        running.live(0, without=("executor",))
        if approvals().keys() > known:
            break
        running.live(0)
    (late,) = approvals().keys() - known
    running.clock.observe(approvals()[late].expires_at)
    running.live(0)
    assert late in {one.recommendation_id for one in told(running, RecommendationExpired)}
    assert late not in {one.order.recommendation_id for one in told(running, OrderSubmitted)}


def test_while_risk_is_away_an_entry_is_canceled_all_the_same(running):
    running.live_until(lambda: running.working(Purpose.ENTRY))
    identity = running.working(Purpose.ENTRY)[0].client_order_id
    answer = running.ask("executor", "POST", f"/orders/{identity}/cancel")
    assert answer.status_code < 300, answer.text
    running.live(1, without=("risk",))
    status = running.ask("executor", "GET", f"/orders/{identity}").json()["status"]
    assert status == OrderStatus.CANCELED


def test_without_the_database_nothing_is_approved_or_claimed_and_everybody_says_so(tmp_path):
    server = MariaDbServer(tmp_path / "db")
    server.start()
    one = platform(server.address, tmp_path).begin(2)
    now = one.clock.now()
    moment = {"decided_at": now, "expires_at": now + HOUR}
    wanted = replace(RECOMMENDATION, **moment)
    said = RecommendationsIssued(
        account=ACCOUNT, decided_at=now, origin="test", recommendations=(wanted,)
    )
    outside = Transactions(one.engine, one.clock, InProcessDoorbell(), "outside")
    with outside.begin() as uow:
        uow.emit(said)
        uow.emit(RecommendationApproved(approved=replace(APPROVED, **moment)))
    server.stop()
    for service in ("risk", "executor"):
        ready = one.ask(service, "GET", "/health/ready")
        assert ready.status_code == 503
        assert "database" in ready.text
        assert one.ask(service, "GET", "/health/live").status_code == 200
    assert one.ask("risk", "POST", "/resume", {"reason": "try it"}).status_code == 503
    for consumer in one.consumers:
        if consumer.name in ("risk", "executor"):
            stumble(consumer)
    server.start()
    one.engine.dispose()
    assert told(one, RecommendationDenied, OrderSubmitted) == []
    one.live(0)
    assert len(told(one, RecommendationDenied)) == len(told(one, OrderSubmitted)) == 1
    one.close()
    server.stop()


def stumble(consumer: Consumer):
    """Fail as the consumer's own loop does: told, counted, and tried again."""
    from sqlalchemy.exc import DBAPIError

    with pytest.raises(DBAPIError):
        consumer.handle_waiting()
