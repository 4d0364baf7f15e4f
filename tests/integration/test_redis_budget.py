"""One budget for all pods over a real Redis; without it, each pod has its share."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog
from redis import Redis

from venues.budget import Pool
from venues.errors import RateLimited
from venues.port import VenueName
from venues.redis_budget import RedisBudget, connect

HOUR = 3600.0  # windows are those of the wall clock: a test must not run across the end of one
ORDERS = Pool(name="orders", units=100, seconds=HOUR)
API_KEY = "organizations/1/apiKeys/2"


@pytest.fixture(autouse=True)
def well_within_an_hour():
    if HOUR - time.time() % HOUR < 30:
        time.sleep(HOUR - time.time() % HOUR + 0.1)


@pytest.fixture
def running(redis_server):
    with Redis(port=redis_server.port) as client:
        client.flushall()
    yield redis_server
    if redis_server.process.poll() is not None:
        redis_server.start()


@pytest.fixture
def pods(running):
    return pods_on(running, 2)


def pods_on(server, count, key=API_KEY):
    return [
        RedisBudget(
            client=connect(server.address),
            venue=VenueName.BINANCE_US,
            api_key=key,
            pods=count,
        )
        for _ in range(count)
    ]


def spent(budget, pool=ORDERS, units=1, *, is_urgent=False):
    try:
        budget.spend(pool, units, is_urgent=is_urgent)
    except RateLimited:
        return 0
    return units


def exhausted(budget, pool=ORDERS, *, is_urgent=False):
    """Spend until refused; return how much it was."""
    total = 0
    while spent(budget, pool, is_urgent=is_urgent):
        total += 1
    return total


def in_threads(budgets, attempts, *, threads=16, **how):
    def try_all(number):
        return sum(spent(budgets[number % len(budgets)], **how) for _ in range(attempts))

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(try_all, range(threads)))


def of_budgets(logs):
    """Return what budgets logged: threads of a test before this one may still be ending."""
    return [line["event"] for line in logs if line["event"].startswith("budget.")]


def test_two_pods_together_never_exceed_the_pool_and_leave_the_cancels_their_reserve(pods):
    assert in_threads(pods, 20) == 90
    assert in_threads(pods, 5, is_urgent=True) == 10
    assert spent(pods[0], is_urgent=True) == 0
    assert [one.used_ratio() for one in pods] == [1.0, 1.0]


def test_a_refusal_says_when_to_come_back_and_takes_nothing(pods):
    here, there = pods
    here.spend(ORDERS, 80)
    with pytest.raises(RateLimited, match="'orders' is used up") as refused:
        there.spend(ORDERS, 11)
    assert 0 < refused.value.retry_after_seconds <= HOUR
    there.spend(ORDERS, 10)
    assert there.used_ratio() == 0.9


def test_a_new_window_begins_empty(pods):
    short = Pool(name="weight", units=10, seconds=0.5)
    assert exhausted(pods[0], short) >= 9
    time.sleep(0.5)
    assert spent(pods[1], short)


def test_what_one_pod_is_told_by_the_venue_counts_for_all(pods):
    here, there = pods
    here.learn(ORDERS, 85)
    there.learn(ORDERS, 3)
    assert exhausted(there) == 5
    assert here.used_ratio() == 0.9


def test_a_hold_is_seen_by_both_and_ends(pods):
    here, there = pods
    here.hold(0.4, is_ban=True)
    for budget in pods:
        with pytest.raises(RateLimited, match="shut us out") as refused:
            budget.spend(ORDERS, 1, is_urgent=True)
        assert refused.value.is_banned
        assert refused.value.retry_after_seconds <= 0.4
    assert there.used_ratio() == 1.0
    time.sleep(0.45)
    assert spent(here)
    assert spent(there)


def test_keys_of_a_venue_are_apart_and_never_stored(running):
    one, other = pods_on(running, 1)[0], pods_on(running, 1, "another key")[0]
    assert exhausted(one) == 90
    assert exhausted(other) == 90
    with Redis(port=running.port) as client:
        keys = [key.decode() for key in client.scan_iter()]
        stored = " ".join(keys) + str([client.hgetall(key) for key in keys])
        assert len(keys) == 2
        assert all(0 < client.ttl(key) <= HOUR + 2 for key in keys)
    assert API_KEY not in stored
    assert "another key" not in stored


def test_without_redis_each_pod_has_its_share_of_the_rest_says_so_once_and_waits_little(
    pods, running
):
    here, there = pods
    there.spend(ORDERS, 10)
    here.spend(ORDERS, 40)
    there.learn(ORDERS, 0)
    running.stop()
    with structlog.testing.capture_logs() as logs:
        started_at = time.monotonic()
        both = exhausted(here) + exhausted(there)
        assert time.monotonic() - started_at < 1.5
    assert 0 < both <= 40
    assert of_budgets(logs) == ["budget.not_shared"] * 2
    assert exhausted(here, is_urgent=True) <= 5
    assert 0.9 <= here.used_ratio() <= 1.0


def test_when_redis_comes_back_empty_what_was_spent_before_and_meanwhile_is_not_forgotten(
    pods, running
):
    here, there = pods
    there.spend(ORDERS, 1)
    here.spend(ORDERS, 39)
    running.stop()
    alone = sum(spent(here) for _ in range(5))
    assert alone == 5
    running.start()
    with structlog.testing.capture_logs() as logs:
        time.sleep(1.1)
        assert here.used_ratio() == 0.45
        assert there.used_ratio() == 0.45
    assert of_budgets(logs) == ["budget.shared_again"]
    time.sleep(1.5)
    assert in_threads(pods, 20) == 45


def test_a_hold_that_redis_missed_is_passed_on_when_it_is_back(pods, running):
    here, there = pods
    running.stop()
    here.hold(4)
    with pytest.raises(RateLimited, match="told us to wait"):
        here.spend(ORDERS, 1)
    running.start()
    time.sleep(1.1)
    assert here.used_ratio() == 1.0
    with pytest.raises(RateLimited, match="told us to wait"):
        there.spend(ORDERS, 1)


def test_pods_under_load_stay_within_the_pool_while_redis_dies_and_returns(running):
    pool = Pool(name="weight", units=4000, seconds=HOUR)
    budgets = pods_on(running, 2)
    stop = threading.Event()
    spent_by = [0, 0]

    def load(number):
        while not stop.wait(0.002):
            spent_by[number] += spent(budgets[number], pool, 7)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    running.stop()
    time.sleep(0.5)
    running.start()
    time.sleep(3.5)
    stop.set()
    for thread in threads:
        thread.join()
    for budget in budgets:
        while spent(budget, pool):
            spent_by[0] += 1
    unheard = 7 * len(budgets)  # what the other pod spent after this one had last asked
    assert 0.8 * 3600 <= sum(spent_by) <= 3600 + unheard
