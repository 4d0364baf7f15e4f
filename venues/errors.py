"""Why a venue could not be asked; what it answers to an order is a value (`shared.domain.venue`).

VenueError
├── VenueAway        timeout, reset, 5xx, maintenance, or an answer that cannot be understood
├── RateLimited      refused before it was looked at; when to come back
├── KeyRefused       key, signature, permission or address: nothing on this venue will work
└── ClockSkewed      our timestamp was refused: read the venue's clock again
"""

from shared.domain.errors import TradingError, Unavailable


class VenueError(TradingError):
    """`code` is the venue's own, empty where it gave none."""

    def __init__(self, venue: str, detail: str, code: str = "") -> None:
        super().__init__(f"{venue}: {detail}")
        self.venue = venue
        self.code = code


class VenueAway(VenueError, Unavailable):
    reason = "venue_away"


class RateLimited(VenueError, Unavailable):
    """`is_banned`: the venue has shut this address out for going on (HTTP 418)."""

    reason = "rate_limited"

    def __init__(
        self, venue: str, detail: str, retry_after_seconds: float, *, is_banned: bool = False
    ) -> None:
        super().__init__(venue, detail)
        self.retry_after_seconds = retry_after_seconds
        self.is_banned = is_banned


class KeyRefused(VenueError):
    reason = "key_refused"


class ClockSkewed(VenueError, Unavailable):
    reason = "clock_skewed"
