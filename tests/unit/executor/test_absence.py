"""An order is absent only when it can no longer arrive and was clearly not there three times."""

from datetime import UTC, datetime, timedelta

from executor.core.absence import Search, missed
from executor.core.leading import LASTS, Lease, next_lease

FINAL = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NEW = Search(final_after=FINAL)


def test_a_miss_before_the_request_is_past_every_arrival_says_nothing():
    assert missed(NEW, FINAL) == NEW
    assert missed(NEW, FINAL - SECOND) == NEW


def test_three_misses_some_time_apart_are_conclusive():
    search, now = NEW, FINAL
    for count in (1, 2, 3):
        now += 2 * SECOND
        assert not search.is_conclusive
        search = missed(search, now)
        assert search.misses == count
    assert search.is_conclusive


def test_looks_in_quick_succession_are_one_look():
    once = missed(NEW, FINAL + SECOND)
    assert missed(once, FINAL + 2 * SECOND) == once


def test_what_was_never_dated_is_never_absent():
    undated = Search(final_after=None)
    assert missed(undated, FINAL + 1000 * SECOND) == undated


def test_a_free_lease_is_taken_with_a_new_token_and_renewed_with_the_same():
    free = Lease(name="a", holder="nobody", token=4, expires_at=FINAL)
    taken = next_lease(free, "one", FINAL)
    assert (taken.holder, taken.token, taken.expires_at) == ("one", 5, FINAL + LASTS)
    renewed = next_lease(taken, "one", FINAL + SECOND)
    assert (renewed.token, renewed.expires_at) == (5, FINAL + SECOND + LASTS)


def test_a_held_lease_is_not_taken_and_a_lost_one_comes_back_under_another_token():
    held = Lease(name="a", holder="one", token=5, expires_at=FINAL)
    assert next_lease(held, "two", FINAL - SECOND) is None
    taken = next_lease(held, "two", FINAL)
    assert taken.token == 6
    assert next_lease(held, "one", FINAL).token == 6  # it overslept: everybody starts anew
    assert not taken.is_held_by("one", 5, FINAL)
