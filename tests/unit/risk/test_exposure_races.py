"""Many reviewers against one cap on a real server, whatever goes wrong with their transactions."""

import random
import time
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from threading import Barrier, Event, Lock

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DBAPIError

from risk.repository import account, counters
from risk.tables import exposure_counters, reservations, risk_decisions, risk_positions
from shared.bus.unit_of_work import Transactions
from shared.db.engine import Outdated, connect, is_transient
from shared.domain.enums import OrderStatus
from shared.domain.events import OrderCanceled, RecommendationExpired
from tests.exposure_recount import assert_counted, overdrawn

D = Decimal
SYMBOLS = tuple(f"C{number}-USDT" for number in range(64))
SNAPSHOT = (exposure_counters, reservations, risk_positions, risk_decisions)
CAPS = {
    "total": ({"max_exposure_ratio": 0.30}, 6),
    "source": ({"max_source_ratio": 0.20}, 4),
    "venue": ({"max_venue_ratio": 0.25}, 5),
    "day_loss": ({"max_day_loss_ratio": 0.01}, 6),
    "orders_per_minute": ({"max_orders_per_minute": 5}, 5),
    "trades_per_day": ({"max_trades_per_day": 5}, 5),
}


@pytest.fixture
def wide(mariadb_engine, mariadb_server):
    """Connections for each thread of its own."""
    engine = connect(replace(mariadb_server.address, pool_size=40))
    yield engine
    engine.dispose()


def reviewer_of(risk):
    return risk.service.handlers["recommendation.issued"].__self__


def persist(work, tries=200):
    """Return what `work` does once it gets through, as the consumer would try again and again."""
    for _ in range(tries):
        try:
            return work()
        except (DBAPIError, Outdated) as error:
            if not is_transient(error):
                raise
            time.sleep(random.random() * 0.01)
    raise TimeoutError("never got through")


def at_once(works):
    barrier = Barrier(len(works))

    def one(work):
        barrier.wait()
        return persist(work)

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result() for done in [pool.submit(one, work) for work in works]]


def reviewing(risk, recommendation, transactions=None, before=lambda uow: None):
    """Review one recommendation in a transaction that does something else first."""

    def work(uow):
        before(uow)
        return reviewer_of(risk).review((recommendation,), uow)

    return lambda: (transactions or risk.outside).attempt(work)


def entries(facts):
    return [facts.entry(1, symbol) for symbol in SYMBOLS]


def opened(facts, engine, **limits):
    risk = facts.Risk(engine, SYMBOLS, **limits)
    risk.say(facts.marked(1), now=1)
    return risk


def assert_held(risk, most=None):
    """The caps hold, the counters are what the rows say, and there is one verdict for each."""
    with risk.outside.read() as connection:
        assert overdrawn(connection) == []
        assert_counted(connection)
    if most is not None:
        assert most - 1 <= len(risk.approved()) <= most + 1
    risk.audit()


@pytest.mark.parametrize(
    ("scope", "threads"),
    [(scope, 64 if scope == "total" else 16) for scope in CAPS],
)
def test_many_threads_never_pass_a_cap(wide, facts, scope, threads):
    limits, most = CAPS[scope]
    risk = opened(facts, wide, **limits)
    at_once([reviewing(risk, one) for one in entries(facts)[:threads]])
    assert len(risk.rows(risk_decisions)) == threads
    assert_held(risk, most)


def look(uow):
    """Read the rows without a lock: under REPEATABLE READ this is what is seen from now on."""
    for table in SNAPSHOT:
        uow.connection.execute(select(table)).all()


def under_repeatable_read(risk, engine):
    careless = engine.execution_options(isolation_level="REPEATABLE READ")
    return Transactions(careless, risk.clock, risk.outside.doorbell, "outside")


def once(transactions, work):
    with transactions.begin() as uow:
        work(uow)


def test_whoever_reviews_holds_the_account_until_the_commit(wide, facts):
    """With the lock first nobody is ever turned back: the next one waits, and sees it all."""
    risk = opened(facts, wide)
    first, second = entries(facts)[:2]
    reviewer = reviewer_of(risk)
    with ThreadPoolExecutor(1) as pool:
        with risk.outside.begin() as uow:
            reviewer.review((first,), uow)
            job = pool.submit(once, risk.outside, lambda uow: reviewer.review((second,), uow))
            time.sleep(0.3)
            assert not job.done()
        job.result()
    assert len(risk.approved()) == 2
    assert_held(risk)


def test_a_view_from_before_the_lock_never_passes_a_cap(wide, facts):
    """Everybody has looked before the first one locks: all but it know too little."""
    risk = opened(facts, wide, max_exposure_ratio=0.30)
    transactions, looked = under_repeatable_read(risk, wide), Barrier(16)

    def look_together(uow):
        look(uow)
        with suppress(Exception):  # only the first time is everybody there
            looked.wait(2)
        looked.abort()

    works = [reviewing(risk, one, transactions, look_together) for one in entries(facts)[:16]]
    at_once(works)
    assert_held(risk, 6)


def test_what_was_seen_before_somebody_elses_commit_is_written_by_nobody(wide, facts):
    risk = opened(facts, wide)
    late, first = entries(facts)[:2]

    def overtaken(uow):
        look(uow)
        reviewing(risk, first)()
        reviewer_of(risk).review((late,), uow)

    with pytest.raises(Outdated, match="total"):
        once(under_repeatable_read(risk, wide), overtaken)
    assert [one.symbol for one in risk.approved()] == [first.symbol]
    assert_held(risk)


def test_a_count_from_before_somebody_elses_commit_is_written_by_nobody(wide, facts):
    risk = opened(facts, wide)
    keeper = risk.service.handlers["equity.marked"].__self__

    def overtaken(uow):
        look(uow)
        reviewing(risk, entries(facts)[0])()
        account.lock_account(uow.connection, "mock-main")
        keeper.count(uow)

    with pytest.raises(Outdated):
        once(under_repeatable_read(risk, wide), overtaken)
    assert_held(risk)


def test_without_the_lock_the_conditions_alone_keep_the_cap(wide, facts, monkeypatch):
    risk = opened(facts, wide, max_exposure_ratio=0.30)
    monkeypatch.setattr(account, "lock_account", lambda connection, owner: None)
    at_once([reviewing(risk, one) for one in entries(facts)[:24]])
    assert_held(risk, 6)


def test_an_approval_whose_counter_is_fuller_than_it_was_read_is_rolled_back(wide, facts):
    """The condition is on the amounts as well as on the version."""
    opened(facts, wide)
    with wide.begin() as connection:
        found = counters.load_all(connection, "mock-main")
        (whole, version) = found["total", ""]
        fuller = replace(whole, reserved=D(7_900))
        asked = replace(whole, reserved=D(200))
        counters.follow_book(connection, "mock-main", [fuller], found)
        wrong = {("total", ""): (whole, version + 1)}
        with pytest.raises(Outdated):
            counters.add_approved(connection, "mock-main", [asked], wrong)


@contextmanager
def impatient(engine):
    """Let every connection wait for a lock for one second only."""

    def prepare(connection, _record):
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")

    engine.dispose()
    event.listen(engine, "connect", prepare)
    try:
        yield
    finally:
        event.remove(engine, "connect", prepare)


def test_who_waits_too_long_for_the_lock_tries_again(wide, facts):
    risk = opened(facts, wide, max_exposure_ratio=0.30)
    with impatient(wide), ThreadPoolExecutor(1) as pool, wide.connect() as holder:
        holder.begin()
        account.lock_account(holder, "mock-main")
        waiting = pool.submit(at_once, [reviewing(risk, one) for one in entries(facts)[:12]])
        time.sleep(1.4)
        assert not waiting.done()
        assert risk.rows(risk_decisions) == []
        holder.rollback()
        waiting.result()
    assert_held(risk, 6)


def kill(engine, connection):
    """End a connection as the end of its process would: the server rolls back what it began."""
    number = connection.connection.driver_connection.thread_id()
    with engine.begin() as other:
        other.exec_driver_sql(f"KILL CONNECTION {number}")


def test_who_dies_between_lock_and_commit_leaves_nothing_behind(wide, facts):
    risk = opened(facts, wide, max_exposure_ratio=0.30)
    doomed, *others = entries(facts)[:20]
    with suppress(DBAPIError), risk.outside.begin() as uow:
        assert reviewer_of(risk).review((doomed,), uow)
        kill(wide, uow.connection)
    assert risk.rows(risk_decisions) == []
    at_once([reviewing(risk, one) for one in others])
    assert_held(risk, 6)


@dataclass
class Storm:
    """Reviewers, an order desk and a watcher at work on one account until the time is over."""

    risk: object
    facts: object
    engine: object
    seconds: float
    over: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)
    happened: Tally = field(default_factory=Tally)
    count: int = 0

    def blow(self, threads):
        with ThreadPoolExecutor(threads + 2) as pool:
            jobs = [pool.submit(self.review, seed) for seed in range(threads)]
            jobs += [pool.submit(self.desk), pool.submit(self.watch)]
            deadline = time.monotonic() + self.seconds
            while time.monotonic() < deadline and not any(job.done() for job in jobs):
                time.sleep(0.05)
            self.over.set()
            for job in jobs:
                job.result()

    def number(self):
        with self.lock:
            self.count += 1
            return self.count

    def review(self, seed):
        chance = random.Random(seed)
        careless = under_repeatable_read(self.risk, self.engine)
        while not self.over.is_set():
            one = self.facts.entry(1, chance.choice(SYMBOLS), origin=f"storm:{self.number()}")
            ways = {
                "well": reviewing(self.risk, one),
                "careless": reviewing(self.risk, one, careless, look),
                "dies": partial(self.die, one),
                "crosses": partial(self.cross, one, chance),
            }
            way = chance.choice(("well", *ways))
            try:
                ways[way]()
                self.happened[way] += 1
            except (DBAPIError, Outdated) as error:
                if not is_transient(error) and "1317" not in str(error):
                    raise
                self.happened[type(error).__name__] += 1

    def die(self, one):
        with self.risk.outside.begin() as uow:
            reviewer_of(self.risk).review((one,), uow)
            kill(self.engine, uow.connection)

    def cross(self, one, chance):
        """Take other rows of the account first, against every order of locks."""

        def grab(uow):
            mine = exposure_counters.c.scope_key == chance.choice(SYMBOLS)
            uow.connection.execute(select(exposure_counters).where(mine).with_for_update()).all()

        reviewing(self.risk, one, before=grab)()

    def desk(self):
        """Let approvals lapse, be canceled, or fill and be sold again."""
        chance, seen = random.Random(0), 0
        while not self.over.is_set():
            approved = self.risk.approved()
            for one in approved[seen:]:
                end = chance.random()
                if end < 0.5:
                    fact = RecommendationExpired(
                        account=one.account,
                        recommendation_id=one.recommendation_id,
                        symbol=one.symbol,
                        expired_at=self.facts.at(2),
                    )
                elif end < 0.8:
                    order = self.facts.order(one, OrderStatus.CANCELED)
                    fact = OrderCanceled(order=order)
                else:
                    fact = self.facts.fill(one, "1", "1", trade=f"t{self.number()}")
                persist(lambda fact=fact: self.say(fact))
            seen = len(approved)
            persist(self.risk.consumer.handle_waiting)
            time.sleep(0.01)

    def say(self, fact):
        with self.risk.outside.begin() as uow:
            uow.emit(fact)

    def watch(self):
        while not self.over.is_set():
            with self.risk.outside.read() as connection:
                assert overdrawn(connection) == []
            self.happened["watched"] += 1
            time.sleep(0.005)


def weather(facts, engine, seconds, threads):
    risk = opened(
        facts, engine, max_exposure_ratio=0.30, max_source_ratio=0.25,
        max_trades_per_day=1_000_000, max_orders_per_minute=1_000_000,
    )  # fmt: skip
    storm = Storm(risk=risk, facts=facts, engine=engine, seconds=seconds)
    storm.blow(threads)
    while persist(risk.consumer.handle_waiting):
        pass
    assert_held(risk)
    assert {"well", "careless"} <= set(storm.happened), storm.happened
    assert storm.happened["watched"]
    assert len(risk.approved()) > 5
    return storm


def test_a_storm_never_passes_a_cap(wide, facts):
    weather(facts, wide, seconds=2, threads=24)


@pytest.mark.long
def test_ten_minutes_of_storm_never_pass_a_cap(wide, facts):
    storm = weather(facts, wide, seconds=600, threads=64)
    assert {"Outdated", "OperationalError"} <= set(storm.happened), storm.happened
