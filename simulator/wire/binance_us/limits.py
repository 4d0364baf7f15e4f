"""The venue's rate limits: weight by address, orders by account, and the ban of who goes on."""

from dataclasses import dataclass, field
from datetime import datetime

from simulator.metering import Meter, Use
from simulator.wire.binance_us.errors import VenueError
from simulator.wire.binance_us.house import (
    ORDERS_PER_10_SECONDS,
    ORDERS_PER_DAY,
    WEIGHT_PER_MINUTE,
)
from simulator.wire.port import RateLimits

_REFUSALS_BEFORE_BAN = 10  # requests refused in one minute: "repeatedly", which is not documented
_FIRST_BAN_SECONDS = 120
_LONGEST_BAN_SECONDS = 3 * 86_400


def _scaled(limit: int, limits: RateLimits) -> int:
    return max(int(limit * limits.scale), 1)


@dataclass(slots=True, kw_only=True)
class Offender:
    """One address that went on after refusals; `until` is in seconds since the epoch."""

    minute: int = -1
    refusals: int = 0
    bans: int = 0
    until: float = 0.0


@dataclass(slots=True, kw_only=True)
class Gate:
    """Counts requests and orders, and refuses what is too much where limits are enforced."""

    limits: RateLimits
    _weight: Meter = field(init=False)
    _orders: dict[str, Meter] = field(init=False)
    _offenders: dict[str, Offender] = field(default_factory=dict[str, Offender], init=False)

    def __post_init__(self) -> None:
        self._weight = Meter(limit=_scaled(WEIGHT_PER_MINUTE, self.limits), seconds=60)
        self._orders = {
            "10S": Meter(limit=_scaled(ORDERS_PER_10_SECONDS, self.limits), seconds=10),
            "1D": Meter(limit=_scaled(ORDERS_PER_DAY, self.limits), seconds=86_400),
        }

    def documents(
        self, account: str | None = None, now: datetime | None = None
    ) -> list[dict[str, str | int]]:
        """Return the limits as the venue lists them, with the counts of an account if given."""
        rows: list[dict[str, str | int]] = [
            _row("ORDERS", "SECOND", 10, self._orders["10S"].limit),
            _row("ORDERS", "DAY", 1, self._orders["1D"].limit),
        ]
        if account is None or now is None:
            return [_row("REQUEST_WEIGHT", "MINUTE", 1, self._weight.limit), *rows]
        meters = self._orders.values()
        for row, meter in zip(rows, meters, strict=True):
            row["count"] = meter.spend(account, 0, now.timestamp()).used
        return rows

    def enter(self, address: str, weight: int, now: datetime) -> dict[str, str]:
        """Count a request and return the headers that say so.

        Raises:
            VenueError: 429, or 418 for who is banned.
        """
        seconds = now.timestamp()
        use = self._weight.spend(address, weight, seconds)
        if self.limits.is_enforced:
            self._refuse_banned(address, seconds)
            if use.is_exceeded:
                raise self._too_many(address, use, seconds)
        return {"x-mbx-used-weight": str(use.used), "x-mbx-used-weight-1m": str(use.used)}

    def _refuse_banned(self, address: str, seconds: float) -> None:
        offender = self._offenders.get(address)
        if offender is None or seconds >= offender.until:
            return
        raise VenueError(
            -1003,
            f"Way too much request weight used; IP banned until {int(offender.until * 1000)}. "
            "Please use the websocket for live updates to avoid bans.",
            status=418,
            retry_after=int(offender.until - seconds) + 1,
        )

    def _too_many(self, address: str, use: Use, seconds: float) -> VenueError:
        offender = self._offenders.setdefault(address, Offender())
        minute = int(seconds // 60)
        offender.refusals = offender.refusals + 1 if offender.minute == minute else 1
        offender.minute = minute
        if offender.refusals >= _REFUSALS_BEFORE_BAN:
            length = min(_FIRST_BAN_SECONDS * 2**offender.bans, _LONGEST_BAN_SECONDS)
            offender.bans += 1
            offender.refusals = 0
            offender.until = seconds + length
            self._refuse_banned(address, seconds)
        return VenueError(
            -1003,
            f"Too many requests; current limit is {use.limit} requests per minute. "
            "Please use the websocket for live updates to avoid polling the API.",
            status=429,
            retry_after=int(use.reset_seconds) + 1,
        )

    def count_order(self, account: str, now: datetime) -> dict[str, str]:
        """Count an order and return the headers that say so.

        Raises:
            VenueError: 429 with the limit that is used up.
        """
        headers: dict[str, str] = {}
        words = {"10S": "10 SECOND", "1D": "1 DAY"}
        for label, meter in self._orders.items():
            use = meter.spend(account, 1, now.timestamp())
            if use.is_exceeded and self.limits.is_enforced:
                raise VenueError(
                    -1015,
                    f"Too many new orders; current limit is {use.limit} orders per {words[label]}.",
                    status=429,
                    retry_after=int(use.reset_seconds) + 1,
                )
            headers[f"x-mbx-order-count-{label.lower()}"] = str(use.used)
        return headers


def _row(kind: str, interval: str, number: int, limit: int) -> dict[str, str | int]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
