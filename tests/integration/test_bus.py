"""The bus on SQLite and MariaDB: once each, in order, whatever crashes."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.bus.consumer import Consumer, is_idle, wait_until_idle, waiting
from shared.bus.history import last_events
from shared.bus.unit_of_work import Transactions
from shared.domain.events import EquityMarked
from shared.domain.ids import AccountId
from shared.runtime.pruning import forget

START = datetime(2024, 1, 1, tzinfo=UTC)


def marked(hours: int, equity: str = "10000.100000000000000001") -> EquityMarked:
    zero = Decimal(0)
    return EquityMarked(
        account=AccountId("mock-main"),
        as_of=START + timedelta(hours=hours),
        equity=Decimal(equity),
        cash=zero,
        peak_equity=zero,
        day_start_equity=zero,
        drawdown_ratio=zero,
        realized_pnl=zero,
        unrealized_pnl=zero,
        fees=zero,
        positions=(),
    )


def say(transactions: Transactions, *hours: int) -> None:
    with transactions.begin() as uow:
        for hour in hours:
            uow.emit(marked(hour))


def test_every_subscriber_hears_every_fact_once_and_in_order(transactions):
    heard = {"a": [], "b": []}
    consumers = [
        Consumer(
            name,
            transactions,
            {"equity.marked": lambda batch, _uow, n=name: heard[n].extend(batch)},
            1.0,
        )
        for name in heard
    ]
    for consumer in consumers:
        consumer.subscribe()
    say(transactions, 1, 2)
    say(transactions, 3)
    for consumer in consumers:
        while consumer.handle_waiting():
            pass
    expected = [START + timedelta(hours=hour) for hour in (1, 2, 3)]
    assert [fact.event.as_of for fact in heard["a"]] == expected
    assert [fact.event.as_of for fact in heard["b"]] == expected
    assert heard["a"][0].event.equity == Decimal("10000.100000000000000001")
    assert is_idle(transactions)


def test_a_failing_handler_loses_nothing_and_turns_readiness_red(transactions):
    seen = []

    def handle(batch, uow):
        uow.emit(marked(99))
        if len(seen) < 4:
            seen.append("failed")
            raise RuntimeError("the disk is full")
        seen.append(len(batch))

    consumer = Consumer("a", transactions, {"equity.marked": handle}, 0.01)
    consumer.subscribe()
    say(transactions, 1)
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    deadline = threading.Event()
    reasons = set()
    while 1 not in seen and not deadline.wait(0.01):
        reasons.add(consumer.problem())
    assert any(reason and "the disk is full" in reason for reason in reasons)
    stop.set()
    thread.join()
    assert consumer.problem() is None


def test_facts_and_state_vanish_together_on_rollback(transactions):
    consumer = Consumer("a", transactions, {"equity.marked": lambda *_: None}, 1.0)
    consumer.subscribe()

    def half_done():
        with transactions.begin() as uow:
            uow.emit(marked(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    assert is_idle(transactions)


def test_replicas_share_the_work_and_nobody_hears_twice(transactions, engine):
    heard, lock = [], threading.Lock()

    def handle(batch, _uow):
        with lock:
            heard.extend(fact.event_id for fact in batch)

    first = Consumer("a", transactions, {"equity.marked": handle}, 0.01)
    first.subscribe()
    replicas = [Consumer("a", transactions, {"equity.marked": handle}, 0.01) for _ in range(4)]
    stop = threading.Event()
    threads = [threading.Thread(target=replica.run, args=(stop,)) for replica in replicas]
    for thread in threads:
        thread.start()
    writers = [
        threading.Thread(target=lambda k=k: [say(transactions, 100 * k + i) for i in range(25)])
        for k in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert wait_until_idle(transactions, stop, 20), waiting(transactions)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(heard) == len(set(heard)) == 100


def test_history_gives_back_the_newest_facts_of_a_stream(transactions):
    for hour in range(5):
        transactions.clock.observe(START + timedelta(hours=hour))
        say(transactions, hour)
    with transactions.read() as connection:
        found = last_events(
            connection,
            topic="equity.marked",
            stream="mock-main",
            before=START + timedelta(hours=4),
            limit=3,
        )
    assert [fact.event.as_of.hour for fact in found] == [1, 2, 3]


def test_only_old_facts_that_all_have_heard_are_forgotten(transactions, monkeypatch):
    monkeypatch.setattr("shared.bus.history.KEPT_PER_STREAM", 2)
    consumer = Consumer("a", transactions, {"equity.marked": lambda *_: None}, 1.0)
    consumer.subscribe()
    for hour in range(5):
        say(transactions, hour)
    stop = threading.Event()
    assert forget(transactions, -1, stop) == 0  # nobody has heard them
    consumer.handle_waiting()
    say(transactions, 5)
    assert forget(transactions, 1, stop) == 0  # said a moment ago
    other = Transactions(transactions.engine, transactions.clock, transactions.doorbell, "other")
    assert forget(other, -1, stop) == 0  # somebody else said them
    assert forget(transactions, -1, stop) == 4
    with transactions.read() as connection:
        left = last_events(
            connection,
            topic="equity.marked",
            stream="mock-main",
            before=START + timedelta(days=400),
            limit=9,
        )
    assert [fact.event.as_of.hour for fact in left] == [4, 5]
    assert consumer.handle_waiting() == 1
