"""A doorbell over Redis pub/sub; while Redis is away everybody polls, and only latency suffers."""

import time
from collections.abc import Iterable
from threading import Event, Thread
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from shared.bus.doorbell import InProcessDoorbell
from shared.bus.redis_address import RedisAddress

_CHANNEL = "trading:doorbell"
_PAUSE_SECONDS = 1.0
_LISTEN_SECONDS = 0.2  # how long a closing doorbell waits for its listener


class RedisDoorbell:
    """Rings local bells at once and everybody else's through Redis, from one listening thread."""

    def __init__(self, address: RedisAddress) -> None:
        self._client = redis.Redis(
            host=address.host,
            port=address.port,
            username=address.username,
            password=address.password or None,
            socket_connect_timeout=0.2,
            socket_timeout=0.2,
            retry=Retry(NoBackoff(), 0),  # the default blocks three seconds on a dead server
        )
        self._listener = redis.Redis(
            host=address.host,
            port=address.port,
            username=address.username,
            password=address.password or None,
            socket_connect_timeout=1.0,
            socket_timeout=None,
            health_check_interval=5,
            retry=Retry(NoBackoff(), 0),
        )
        self._bells = InProcessDoorbell()
        self._closed = Event()
        self._silent_until = 0.0
        self._is_connected = False
        self._refusal: str | None = None
        self._thread = Thread(target=self._listen, name="redis-doorbell", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        return self._is_connected

    def problem(self) -> str | None:
        """Return why Redis will never take us, None where it does or is merely away."""
        return self._refusal

    def ring(self, consumers: Iterable[str]) -> None:
        names = sorted(consumers)
        self._bells.ring(names)
        if not names or self._closed.is_set() or time.monotonic() < self._silent_until:
            return
        try:
            self._client.publish(_CHANNEL, " ".join(names))
        except NoPermissionError as error:
            self._refusal = f"Redis refuses to let us ring: {error}; check the rights of REDIS_USER"
        except (redis.RedisError, OSError):
            self._silent_until = time.monotonic() + _PAUSE_SECONDS

    def wait(self, consumer: str, timeout_seconds: float) -> bool:
        return self._bells.wait(consumer, timeout_seconds)

    def close(self) -> None:
        self._closed.set()
        self._bells.close()
        self._thread.join()
        self._listener.close()
        self._client.close()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._relay()
            except (redis.AuthenticationError, redis.ResponseError) as error:
                self._refusal = f"Redis refuses us: {error}; check REDIS_USER and REDIS_PASSWORD"
                self._pause()
            except (redis.RedisError, OSError):
                self._refusal = None
                self._pause()

    def _pause(self) -> None:
        self._is_connected = False
        self._closed.wait(_PAUSE_SECONDS)

    def _relay(self) -> None:
        with self._listener.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(_CHANNEL)
            self._is_connected, self._refusal = True, None
            while not self._closed.is_set():
                message: dict[str, Any] | None = channel.get_message(timeout=_LISTEN_SECONDS)
                if message is not None:
                    self._bells.ring(message["data"].decode().split())
