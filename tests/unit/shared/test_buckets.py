"""Tokens flow back with time; patience with unknown keys runs out, with valid ones never."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.http.buckets import Lockout, Rate, Throttle

FLOAT_SLACK = 1e-6


class Hand:
    """A clock moved by hand."""

    def __init__(self):
        self.at = 1000.0

    def __call__(self):
        return self.at


def throttle(hand, per_second=10.0, burst=20):
    rate = Rate(per_second=per_second, burst=burst)
    return Throttle({"read": rate, "trade": rate, "admin": rate}, hand)


def test_a_burst_passes_and_then_one_at_a_time():
    hand = Hand()
    limit = throttle(hand)
    assert [limit.wait("k", "trade") for _ in range(20)] == [0.0] * 20
    assert 0 < limit.wait("k", "trade") <= 0.1
    hand.at += 0.11
    assert limit.wait("k", "trade") == 0.0
    assert limit.wait("k", "trade") > 0


def test_keys_and_scopes_have_buckets_of_their_own():
    limit = throttle(Hand(), burst=1)
    assert [limit.wait(key, scope) for key in "ab" for scope in ("read", "trade")] == [0.0] * 4
    assert limit.wait("a", "trade") > 0


@given(
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=60),
    per_second=st.floats(0.5, 50),
    burst=st.integers(1, 30),
)
def test_never_more_pass_than_the_burst_and_what_flowed_back(pauses, per_second, burst):
    hand = Hand()
    limit = throttle(hand, per_second, burst)
    passed = 0
    for pause in pauses:
        hand.at += pause
        passed += limit.wait("k", "read") == 0.0
    assert passed <= burst + sum(pauses) * per_second + FLOAT_SLACK


@given(st.floats(0.5, 50), st.integers(1, 30))
def test_whoever_waits_as_told_is_let_in(per_second, burst):
    hand = Hand()
    limit = throttle(hand, per_second, burst)
    for _ in range(burst):
        assert limit.wait("k", "read") == 0.0
    hand.at += limit.wait("k", "read") + FLOAT_SLACK
    assert limit.wait("k", "read") == 0.0


def fail(lockout, number, address="10.0.0.1"):
    return [lockout.failed(address) for _ in range(number)]


def test_the_tenth_unknown_key_within_a_minute_locks_its_address_out():
    hand = Hand()
    lockout = Lockout(10, hand)
    assert fail(lockout, 9) == [0.0] * 9
    assert 30 <= lockout.failed("10.0.0.1") < 37.5
    assert lockout.wait("10.0.0.1") > 0
    assert lockout.wait("10.0.0.2") == 0
    hand.at += 38
    assert lockout.wait("10.0.0.1") == 0


def test_failures_spread_over_more_than_a_minute_lock_nobody_out():
    hand = Hand()
    lockout = Lockout(10, hand)
    for _ in range(50):
        assert lockout.failed("10.0.0.1") == 0.0
        hand.at += 7


def test_each_lock_is_longer_up_to_a_quarter_of_an_hour_and_forgotten_after_an_hour():
    hand = Hand()
    lockout = Lockout(10, hand)
    waits = []
    for _ in range(8):
        waits.append(fail(lockout, 10)[-1])
        hand.at += waits[-1]
    assert all(later > earlier for earlier, later in pairwise(waits[:6]))
    assert max(waits) <= 900 * 1.25
    hand.at += 3601
    assert fail(lockout, 10)[-1] < 37.5


def test_many_addresses_do_not_fill_the_memory():
    lockout = Lockout(10, Hand())
    for number in range(10_500):
        lockout.failed(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    assert len(lockout._addresses) == 10_000
