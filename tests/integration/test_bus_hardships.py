"""The bus when things go wrong around it: locks, late comers, upgrades, callbacks that raise."""

import threading
import time

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text, update
from sqlalchemy.exc import OperationalError

from shared.bus.consumer import Consumer, SharedConsumer, wait_until_idle, waiting
from shared.bus.tables import deliveries
from shared.db.base import TRANSACTIONS
from shared.domain.events import EquityMarked
from tests.saying import TOPIC, say

OTHER = EquityMarked.topic
_metadata = MetaData()
counter = Table(
    "counter",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    schema=TRANSACTIONS,
)


def listener(transactions, name, handle=lambda _batch, _uow: None, topic=TOPIC, **options):
    consumer = Consumer(name, transactions, {topic: handle}, 0.05, **options)
    consumer.subscribe()
    return consumer


def versions(batch):
    return [envelope.event.version for envelope in batch]


@pytest.fixture
def counting(transactions):
    _metadata.drop_all(transactions.engine)
    _metadata.create_all(transactions.engine)
    with transactions.begin() as uow:
        uow.connection.execute(insert(counter).values(id=1, n=0))

    def value():
        with transactions.read() as connection:
            return connection.execute(select(counter.c.n)).scalar_one()

    return value


def count_up(uow):
    uow.connection.execute(update(counter).values(n=counter.c.n + 1))


def test_one_service_at_work_does_not_hide_facts_from_another(mariadb_engine, transactions):
    if transactions.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer")
    inside, go_on, heard = threading.Event(), threading.Event(), []

    def slow(_batch, _uow):
        inside.set()
        go_on.wait(10)

    first = listener(transactions, "a", slow)
    second = listener(transactions, "b", lambda batch, _uow: heard.extend(versions(batch)))
    say(transactions, 1)
    thread = threading.Thread(target=first.handle_waiting)
    thread.start()
    inside.wait(10)
    say(transactions, 2)
    handled = second.handle_waiting()
    go_on.set()
    thread.join()
    assert (handled, heard) == (2, [1, 2])


def test_replicas_that_share_the_work_take_what_is_free(mariadb_engine, transactions):
    if transactions.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer")
    inside, go_on, heard = threading.Event(), threading.Event(), {"first": [], "second": []}

    def slow(batch, _uow):
        heard["first"].extend(versions(batch))
        inside.set()
        go_on.wait(10)

    def fast(batch, _uow):
        heard["second"].extend(versions(batch))

    first, second = (
        SharedConsumer("a", transactions, {TOPIC: handle}, 0.05) for handle in (slow, fast)
    )
    first.subscribe()
    say(transactions, 1)
    thread = threading.Thread(target=first.handle_waiting)
    thread.start()
    inside.wait(10)
    say(transactions, 2)
    handled = second.handle_waiting()
    go_on.set()
    thread.join()
    assert (handled, heard) == (1, {"first": [1], "second": [2]})


def test_who_subscribes_late_hears_the_very_next_fact(transactions):
    listener(transactions, "early")
    say(transactions, 1)
    heard = []
    late = listener(transactions, "late", lambda batch, _uow: heard.extend(versions(batch)))
    say(transactions, 2)
    late.handle_waiting()
    assert heard == [2]


def test_an_older_replica_leaves_what_it_does_not_know_to_the_newer_one(transactions):
    heard = []
    newer = listener(transactions, "a", lambda batch, _uow: heard.extend(versions(batch)))
    say(transactions, 1)
    older = Consumer("a", transactions, {OTHER: lambda _batch, _uow: None}, 0.05)
    older.subscribe()
    assert older.handle_waiting() == 0
    assert newer.handle_waiting() == 1
    assert heard == [1]


def test_a_callback_that_raises_neither_repeats_the_batch_nor_silences_the_others(transactions):
    heard, called = [], []

    def handle(batch, uow):
        heard.extend(versions(batch))
        uow.after_commit(lambda: called.append("first"))
        uow.after_commit(lambda: 1 / 0)
        uow.after_commit(lambda: called.append("last"))

    consumer = listener(transactions, "a", handle, on_handled=lambda _batch: called.append("seen"))
    say(transactions, 1)
    assert consumer.handle_waiting() == 1
    assert consumer.handle_waiting() == 0
    assert (heard, called) == ([1], ["first", "last", "seen"])


def test_work_is_not_done_twice_because_a_callback_lost_its_connection(transactions, counting):
    def work(uow):
        count_up(uow)
        uow.after_commit(lost)

    def lost():
        raise OperationalError("SELECT 1", {}, Exception(2013, "Lost connection"))

    transactions.attempt(work)
    assert counting() == 1


def test_an_error_without_words_is_waited_out_like_any_other(transactions):
    tries, reported = [], []

    def handle(batch, _uow):
        tries.extend(batch)
        if len(tries) < 2:
            raise RuntimeError

    def report(error):
        reported.append(error)
        raise ValueError

    consumer = listener(transactions, "a", handle, on_failure=report)
    say(transactions, 1)
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    assert wait_until_idle(transactions, stop, 10)
    stop.set()
    thread.join()
    assert (len(tries), len(reported)) == (2, 1)


def test_a_lock_wait_that_times_out_stores_no_half_and_is_tried_again(transactions, counting):
    """InnoDB rolls back the statement only; a commit after it would keep the half before it."""
    engine = transactions.engine
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite waits for the whole transaction")
    with engine.begin() as connection:
        connection.execute(insert(counter).values(id=2, n=0))
    holder = engine.connect()
    holder.execute(update(counter).where(counter.c.id == 2).values(n=100))
    release = threading.Timer(4.0, holder.rollback)
    release.start()
    tries = []

    def work(uow):
        tries.append(1)
        for row in (1, 2):
            statement = update(counter).where(counter.c.id == row).values(n=counter.c.n + 1)
            uow.connection.execute(statement)

    transactions.attempt(work)
    release.join()
    holder.close()
    with engine.connect() as connection:
        assert connection.execute(select(counter.c.n).order_by(counter.c.id)).scalars().all() == [
            1,
            1,
        ]
    assert len(tries) == 2


def test_many_services_and_writers_at_once_need_no_second_try(transactions):
    failures, heard = [], {f"service-{n}": [] for n in range(6)}
    consumers = [
        listener(
            transactions,
            name,
            lambda batch, _uow, n=name: heard[n].extend(versions(batch)),
            on_failure=failures.append,
        )
        for name in heard
    ]
    stop = threading.Event()
    threads = [threading.Thread(target=consumer.run, args=(stop,)) for consumer in consumers]

    def write(base):
        for n in range(30):
            say(transactions, *range(base + 10 * n, base + 10 * n + 10))

    writers = [threading.Thread(target=write, args=(1000 * k,)) for k in range(3)]
    for thread in (*threads, *writers):
        thread.start()
    for writer in writers:
        writer.join()
    assert wait_until_idle(transactions, stop, 30), waiting(transactions)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    for seen in heard.values():
        assert len(seen) == len(set(seen)) == 900
        for k in range(3):  # what one writer said comes in its order
            mine = [version for version in seen if version // 1000 == k]
            assert mine == sorted(mine)


def test_more_writers_than_connections_wait_their_turn(transactions, counting):
    def work():
        with transactions.begin() as uow:
            count_up(uow)
            with transactions.read() as connection:  # a second connection while the first is held
                connection.execute(text("SELECT 1"))
            time.sleep(0.005)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counting() == 12
    assert transactions.engine.pool.checkedout() == 0


def test_a_delivery_whose_fact_is_gone_turns_readiness_red(transactions):
    consumer = listener(transactions, "a")
    with transactions.begin() as uow:
        uow.connection.execute(
            insert(deliveries).values(consumer="a", event_id="0" * 36, topic=TOPIC)
        )
    with pytest.raises(LookupError):
        consumer.handle_waiting()


def test_no_ring_is_missed_however_it_falls(transactions):
    """With a poll of ten seconds, a single ring lost between look and wait would show."""
    handled = threading.Semaphore(0)
    consumer = Consumer("a", transactions, {TOPIC: lambda _batch, _uow: handled.release()}, 10.0)
    consumer.subscribe()
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    for version in range(150):
        say(transactions, version)
        assert handled.acquire(timeout=5), f"fact {version} waited for the poll"
    stop.set()
    transactions.doorbell.ring(["a"])
    thread.join()
