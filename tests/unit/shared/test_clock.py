"""Time that follows the facts never goes back, however many threads hear them."""

from datetime import UTC, datetime
from threading import Thread

from shared.domain.clock import EPOCH, FollowingClock

LATER = datetime(2025, 1, 1, tzinfo=UTC)


class Slow(datetime):
    """An instant that, while it is compared, lets another thread hear a later one."""

    def __gt__(self, other):
        found = super().__gt__(other)
        other_thread.start()
        other_thread.join(0.2)
        return found


clock = FollowingClock()
other_thread = Thread(target=lambda: clock.observe(LATER))


def test_it_starts_at_the_beginning_and_never_goes_back():
    following = FollowingClock()
    assert following.now() == EPOCH
    following.observe(LATER)
    following.observe(EPOCH)
    assert following.now() == LATER


def test_two_threads_that_hear_at_once_leave_the_later_instant():
    clock.observe(Slow(2024, 1, 1, tzinfo=UTC))
    other_thread.join()
    assert clock.now() == LATER
