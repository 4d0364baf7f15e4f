"""Promises of the plumbing that no other test states alone: each is broken by one mutant."""

import threading
import time

import pytest

from shared.bus.consumer import Consumer, wait_until_idle
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.domain.clock import FollowingClock
from shared.domain.ids import DecisionId, client_order_id, is_client_order_id_of
from tests.builders import ACCOUNT
from tests.saying import TOPIC, say


class DeafDoorbell(InProcessDoorbell):
    """Nobody is ever called, as while Redis is away."""

    def ring(self, consumers):
        pass


def listener(transactions, heard):
    consumer = Consumer("a", transactions, {TOPIC: lambda batch, _uow: heard.extend(batch)}, 0.05)
    consumer.subscribe()
    return consumer


def test_facts_arrive_though_no_bell_ever_rings(sqlite_engine):
    transactions = Transactions(sqlite_engine, FollowingClock(), DeafDoorbell(), "test")
    heard, stop = [], threading.Event()
    consumer = listener(transactions, heard)
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    time.sleep(0.1)  # the first look finds nothing
    say(transactions, 1)
    arrived = wait_until_idle(transactions, stop, 3)
    stop.set()
    thread.join()
    assert (arrived, len(heard)) == (True, 1)


def test_a_fact_committed_after_a_later_one_is_heard_all_the_same(mariadb_engine):
    inside, go_on, heard = threading.Event(), threading.Event(), []

    def before_the_commit(_producer, phase):
        if phase == "before":
            inside.set()
            go_on.wait(10)

    quick, slow = (
        Transactions(mariadb_engine, FollowingClock(), InProcessDoorbell(), "test", hook)
        for hook in (None, before_the_commit)
    )
    consumer = listener(quick, heard)
    thread = threading.Thread(target=say, args=(slow, 1))
    thread.start()
    inside.wait(10)
    say(quick, 2)
    consumer.handle_waiting()
    go_on.set()
    thread.join()
    consumer.handle_waiting()
    assert [one.event.version for one in heard] == [2, 1]


@pytest.mark.parametrize("mode", ["live", "paper"])
def test_an_order_belongs_to_one_environment_and_one_account(mode):
    identity = client_order_id(mode, ACCOUNT, DecisionId("d"))
    owners = [
        (one, account)
        for one in ("live", "paper", "mock")
        for account in (ACCOUNT, "another")
        if is_client_order_id_of(one, account, identity)
    ]
    assert owners == [(mode, ACCOUNT)]
