"""One budget for all pods that use a venue key, kept in Redis and on the clock of Redis.

Every question is one script, so nothing is counted twice or lost between two pods. The key of the
venue is hashed and never stored. While Redis is away each pod has its share of what was left of
each pool when it last asked, so that together they stay within the venue's limits. What it spent
and heard meanwhile is handed in when Redis is back, and for a moment longer, until the other pods
have done the same, it keeps to its share.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field, replace
from math import ceil, floor
from threading import Lock
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared.bus.redis_address import RedisAddress
from shared.runtime.logging import get_logger
from venues.budget import (
    RESERVED_FOR_CANCELS,
    LocalBudget,
    Pool,
    refuse_if_held,
    refuse_if_spent,
)
from venues.budget_script import SPEND
from venues.port import VenueName

_LIMIT_SECONDS = 0.2
_PAUSE_SECONDS = 1.0  # how long Redis is left alone after it did not answer
_CAUTIOUS_SECONDS = _PAUSE_SECONDS + 2 * _LIMIT_SECONDS  # by then the others are back too
_CURRENT = -1


def connect(address: RedisAddress) -> redis.Redis:
    """Return a client that waits 0.2 s at most and asks once; nothing is sent yet."""
    return redis.Redis(
        host=address.host,
        port=address.port,
        username=address.username,
        password=address.password or None,
        socket_connect_timeout=_LIMIT_SECONDS,
        socket_timeout=_LIMIT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


@dataclass(slots=True)
class _Memory:
    """What is used of a pool in one window; `owed` was spent while Redis was away."""

    window: int = 0
    used: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    pool: Pool
    allowed: int = 0
    wanted: int = 0
    known: int = 0
    window: int = _CURRENT
    owed: int = 0

    def arguments(self) -> tuple[str | int, ...]:
        span = round(self.pool.seconds * 1000)
        asked = (self.allowed, self.wanted, self.known, self.window, self.owed)
        return (_field(self.pool), span, *asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """`used` and `granted` of the last question; `held` and `now` in seconds."""

    now: float
    held: float
    is_ban: bool
    used: dict[Pool, int]
    granted: bool


def _field(pool: Pool) -> str:
    return f"{pool.name}/{pool.seconds:g}"


@dataclass(slots=True, kw_only=True)
class RedisBudget:
    """A `venues.budget.Budget`; any thread may use it.

    `api_key` is the public part of the venue key, the same in every pod; `pods` is how many may use
    it at most: what each has without Redis is that share. `client` is made by `connect`.
    """

    client: redis.Redis
    venue: VenueName
    api_key: InitVar[str]
    pods: int
    _key: str = field(init=False)
    _local: LocalBudget = field(init=False)
    _memory: dict[Pool, _Memory] = field(default_factory=dict[Pool, _Memory], init=False)
    _owed_hold: tuple[float, bool] = field(default=(0.0, False), init=False)
    _silent_until: float = field(default=0.0, init=False)
    _cautious_until: float = field(default=0.0, init=False)
    _is_away: bool = field(default=False, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self, api_key: str) -> None:
        digest = hashlib.sha256(f"{self.venue}:{api_key}".encode()).hexdigest()
        self._key = f"trading:budget:{self.venue}:{digest[:32]}"
        self._local = LocalBudget(venue=self.venue)

    def spend(self, pool: Pool, units: int, *, is_urgent: bool = False) -> None:
        is_cautious = self._is_away or time.monotonic() < self._cautious_until
        if is_cautious:
            self._local.spend(self._share(pool), units, is_urgent=is_urgent)
        ratio = 1.0 if is_urgent else 1 - RESERVED_FOR_CANCELS
        answer = self._ask([self._question(pool, floor(pool.units * ratio), units)])
        if answer is None:
            if not is_cautious:
                self._local.spend(self._share(pool), units, is_urgent=is_urgent)
            self._owe(pool, units)
            return
        refuse_if_held(self.venue, answer.held, is_ban=answer.is_ban)
        if not answer.granted:
            used = answer.used[pool] + units
            refuse_if_spent(self.venue, pool, used, answer.now, is_urgent=is_urgent)

    def learn(self, pool: Pool, used: int) -> None:
        self._local.learn(self._share(pool), ceil(used / self.pods))
        self._ask([self._question(pool), _Question(pool=pool, known=used)])

    def hold(self, seconds: float, *, is_ban: bool = False) -> None:
        self._local.hold(seconds, is_ban=is_ban)
        with self._lock:
            self._owed_hold = max(self._owed_hold, (time.monotonic() + seconds, is_ban))
        self._ask([])

    def used_ratio(self) -> float:
        with self._lock:
            pools = [pool for pool in self._memory if pool.binds_orders]
        answer = self._ask([self._question(pool) for pool in pools])
        if answer is None:
            return self._local.used_ratio()
        if answer.held > 0:
            return 1.0
        return max((used / pool.units for pool, used in answer.used.items()), default=0.0)

    def _share(self, pool: Pool) -> Pool:
        return replace(pool, units=max(pool.units // self.pods, 1))

    def _owe(self, pool: Pool, units: int) -> None:
        window = int(self._local.seconds_now() // pool.seconds)
        with self._lock:
            memory = self._memory.setdefault(pool, _Memory())
            if memory.window != window:
                memory.window, memory.used, memory.owed = window, 0, 0
            memory.owed += units

    def _question(self, pool: Pool, allowed: int = 0, wanted: int = 0) -> _Question:
        """Take what is owed out of the memory; `_ask` puts it back where it was not handed in."""
        with self._lock:
            memory = self._memory.setdefault(pool, _Memory())
            owed, memory.owed = memory.owed, 0
            return _Question(
                pool=pool,
                allowed=allowed,
                wanted=wanted,
                known=memory.used,
                window=memory.window,
                owed=owed,
            )

    def _ask(self, questions: Sequence[_Question]) -> _Answer | None:
        """Ask Redis once; None while it is away."""
        if time.monotonic() < self._silent_until:
            self._put_back(questions)
            return None
        with self._lock:
            hold = self._owed_hold
        millis = max(round((hold[0] - time.monotonic()) * 1000), 0)
        arguments = [value for one in questions for value in one.arguments()]
        client: Any = self.client  # typed for its asynchronous twin as well
        try:
            said: list[Any] = client.eval(SPEND, 1, self._key, millis, int(hold[1]), *arguments)
        except (redis.RedisError, OSError) as error:
            self._put_back(questions)
            self._went_away(error)
            return None
        return self._heard(questions, [int(value) for value in said], hold)

    def _put_back(self, questions: Sequence[_Question]) -> None:
        with self._lock:
            for one in questions:
                memory = self._memory[one.pool]
                if one.owed and memory.window == one.window:
                    memory.owed += one.owed

    def _heard(
        self, questions: Sequence[_Question], said: Sequence[int], hold: tuple[float, bool]
    ) -> _Answer:
        now, held, is_ban = said[0] / 1000, said[1] / 1000, bool(said[2])
        used: dict[Pool, int] = {}
        granted = False
        with self._lock:
            for place, one in enumerate(questions, 1):
                memory = self._memory[one.pool]
                used[one.pool], window, yes = said[3 * place : 3 * place + 3]
                same = memory.used if memory.window == window else 0
                memory.window, memory.used, granted = window, max(same, used[one.pool]), bool(yes)
            if self._owed_hold == hold:
                self._owed_hold = (0.0, False)
            was_away, self._is_away = self._is_away, False
            if was_away:
                self._cautious_until = time.monotonic() + _CAUTIOUS_SECONDS
        for pool, units in used.items():
            self._local.learn(self._share(pool), ceil(units / self.pods))
        if held > 0:
            self._local.hold(held, is_ban=is_ban)
        if was_away:
            get_logger().info("budget.shared_again", venue=self.venue)
        return _Answer(now=now, held=held, is_ban=is_ban, used=used, granted=granted)

    def _went_away(self, error: Exception) -> None:
        with self._lock:
            self._silent_until = time.monotonic() + _PAUSE_SECONDS
            was_away, self._is_away = self._is_away, True
        if not was_away:
            get_logger().warning(
                "budget.not_shared", venue=self.venue, pods=self.pods, error=str(error)
            )
