"""The doorbell over a real Redis: loud while it lives, only slower while it is dead."""

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
import redis

from shared.bus.consumer import Consumer, wait_until_idle
from shared.bus.redis_doorbell import RedisDoorbell
from shared.bus.unit_of_work import Transactions
from shared.domain.clock import FollowingClock
from tests.saying import TOPIC, say

LONG = 20.0


def until(condition, seconds=LONG):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def seconds_until_rung(listening, ringing, name="risk"):
    """Ring until it is heard: a listener that has just reconnected may miss one."""
    listening.wait(name, 0.0)
    started_at = time.monotonic()
    threading.Timer(0.05, ringing.ring, [[name]]).start()
    listening.wait(name, LONG)
    return time.monotonic() - started_at


@contextmanager
def frozen(server):
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.fixture
def doorbells(redis_server):
    pair = [RedisDoorbell(redis_server.address) for _ in range(2)]
    assert until(lambda: all(bell.is_connected for bell in pair))
    yield pair
    for bell in pair:
        bell.close()


def test_a_ring_is_heard_in_another_process_and_only_by_those_it_is_for(doorbells):
    here, there = doorbells
    assert seconds_until_rung(there, here) < 1.0
    here.ring(["signals"])
    started_at = time.monotonic()
    there.wait("risk", 0.3)
    assert time.monotonic() - started_at >= 0.29


def test_without_redis_ringing_is_quick_and_facts_arrive_by_polling(
    doorbells, redis_server, mariadb_engine
):
    here, there = doorbells
    speaker = Transactions(mariadb_engine, FollowingClock(), here, "test")
    hearer = Transactions(mariadb_engine, FollowingClock(), there, "risk")
    heard = []
    consumer = Consumer("risk", hearer, {TOPIC: lambda batch, _uow: heard.extend(batch)}, 0.1)
    consumer.subscribe()
    stop = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stop,))
    thread.start()
    redis_server.stop()
    try:
        assert until(lambda: not here.is_connected)
        started_at = time.monotonic()
        for _ in range(200):
            here.ring(["risk"])
        assert time.monotonic() - started_at < 0.5
        say(speaker, 1, 2)
        assert wait_until_idle(hearer, stop, LONG)
        assert [fact.event.version for fact in heard] == [1, 2]
    finally:
        stop.set()
        thread.join()
        redis_server.start()
    assert until(lambda: here.is_connected and there.is_connected)
    assert until(lambda: seconds_until_rung(there, here) < 1.0)


def test_a_frozen_redis_costs_one_short_wait_a_second(doorbells, redis_server):
    here, _ = doorbells
    with frozen(redis_server):
        started_at = time.monotonic()
        for _ in range(200):
            here.ring(["risk"])
        assert time.monotonic() - started_at < 0.9


def test_a_user_that_redis_refuses_is_a_problem_and_one_who_waits_for_redis_is_not(redis_server):
    wrong = RedisDoorbell(replace(redis_server.address, user="nobody", password="wrong"))
    right = RedisDoorbell(redis_server.address)
    try:
        assert until(lambda: wrong.problem() is not None)
        assert "check REDIS_USER and REDIS_PASSWORD" in wrong.problem()
        assert until(lambda: right.is_connected)
        redis_server.stop()
        assert until(lambda: not right.is_connected)
        assert right.problem() is None
    finally:
        wrong.close()
        right.close()
        if redis_server.process.poll() is not None:
            redis_server.start()


def test_a_user_that_may_listen_and_not_ring_is_a_problem(redis_server):
    rights = ["resetchannels", "&trading:doorbell", "+@connection", "+subscribe", "+unsubscribe"]
    with redis.Redis(port=redis_server.port) as administrator:
        administrator.execute_command("ACL", "SETUSER", "mute", "on", ">mute", *rights)
    mute = RedisDoorbell(replace(redis_server.address, user="mute", password="mute"))
    try:
        assert until(lambda: mute.is_connected)
        assert mute.problem() is None
        mute.ring(["risk"])
        assert "check the rights of REDIS_USER" in mute.problem()
    finally:
        mute.close()


def test_closing_ends_the_listener_and_ringing_afterwards_is_harmless(redis_server):
    bell = RedisDoorbell(redis_server.address)
    assert until(lambda: bell.is_connected)
    before = threading.active_count()
    started_at = time.monotonic()
    bell.close()
    assert time.monotonic() - started_at < 2.0
    assert threading.active_count() == before - 1
    bell.ring(["risk"])
    bell.close()
