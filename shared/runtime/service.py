"""What a service is given, and what it gives back."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from threading import Event
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from shared.bus.consumer import Handler
from shared.bus.doorbell import Doorbell, InProcessDoorbell
from shared.bus.redis_doorbell import RedisDoorbell
from shared.bus.unit_of_work import CommitHook, Transactions
from shared.db.engine import connect
from shared.domain.clock import Clock, FollowingClock, SystemClock
from shared.http.app import ApiParts, assemble
from shared.http.auth import Doorkeeper, KeyRing
from shared.http.buckets import Lockout, Throttle
from shared.http.keys import StoredKey, stored_keys
from shared.http.probes import Check
from shared.http.uses import Uses
from shared.runtime.key_uses import writing
from shared.runtime.metrics import Metrics
from shared.runtime.pepper import pepper_of
from shared.runtime.settings import Mode, PlatformSettings

VERSION = version("crypto-trading-engine")
_COMMIT_COLONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    settings: PlatformSettings
    clock: Clock
    doorbell: Doorbell
    transactions: Callable[[str], Transactions]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A task in its own thread; `run` returns when the event is set, raising ends the process."""

    name: str
    run: Callable[[Event], None]


def _no_handlers() -> Mapping[str, Handler]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`handlers` is ordered: within one batch, topics are handled in this order.

    Where `is_shared`, any number of replicas may run and share the facts. `idle_seconds`: how long
    a transaction that handles facts may be silent before the database rolls it back.
    """

    name: str
    port: int
    api: FastAPI
    metrics: Metrics
    handlers: Mapping[str, Handler] = field(default_factory=_no_handlers)
    tasks: tuple[Work, ...] = ()
    poll_seconds: float = 1.0
    is_shared: bool = False
    idle_seconds: int | None = None


def new_metrics(service: str | None = None) -> Metrics:
    return Metrics(CollectorRegistry(), service)


def create_api(
    *,
    name: str,
    title: str,
    runtime: Runtime,
    metrics: Metrics,
    checks: Sequence[Check] = (),
    shows: Callable[[], Mapping[str, Any]] = dict,
) -> FastAPI:
    """Return the FastAPI application of one service, ready for its routes.

    `shows`: what /health tells besides.
    """
    transactions = runtime.transactions(name)
    settings = runtime.settings
    metrics.trading_mode_info.labels(mode=settings.mode).set(1)
    metrics.trading_build_info.labels(version=VERSION).set(1)

    def observe(route: str, method: str, status: int, seconds: float) -> None:
        metrics.http_request_seconds.labels(route, method, str(status)).observe(seconds)

    database = Check(name="database", problem=lambda: _database_problem(transactions))
    doorbell = Check(name="doorbell", problem=runtime.doorbell.problem)
    return assemble(
        ApiParts(
            name=name,
            title=title,
            version=VERSION,
            mode=settings.mode,
            doorkeeper=_doorkeeper(name, settings, transactions),
            uses=Uses(writing(transactions), SystemClock().now),
            registry=metrics.registry,
            observe=observe,
            checks=[database, doorbell, *checks],
            show_docs=settings.mode is not Mode.LIVE,
            origins=settings.trading_cors_origins,
            shows=shows,
        )
    )


def _doorkeeper(name: str, settings: PlatformSettings, transactions: Transactions) -> Doorkeeper:
    ring = KeyRing(
        settings.keys(), lambda: _stored_keys(transactions), pepper=lambda: pepper_of(settings)
    )
    return Doorkeeper(
        service=name,
        ring=ring,
        throttle=Throttle(settings.rates()),
        lockout=Lockout(settings.trading_unknown_keys_per_minute),
    )


def key_uses(api: FastAPI) -> Work:
    """Return the task that writes down what keys were used for."""
    uses: Uses = api.state.uses
    return Work(name="key_uses", run=uses.run)


def add_check(api: FastAPI, check: Check) -> None:
    """Add one condition of readiness to an application made by `create_api`."""
    api.state.checks.append(check)


def _stored_keys(transactions: Transactions) -> Mapping[str, StoredKey]:
    with transactions.read() as connection:
        return stored_keys(connection)


def _database_problem(transactions: Transactions) -> str | None:
    with transactions.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return None


def build_runtime(settings: PlatformSettings) -> Runtime:
    """Choose clock, database and doorbell: the one place where the mode decides."""
    engine = connect(settings.database())
    clock: Clock = FollowingClock() if settings.mode is Mode.MOCK else SystemClock()
    redis = settings.redis()
    doorbell: Doorbell = InProcessDoorbell() if redis is None else RedisDoorbell(redis)
    hook = _crash_hook(settings.trading_crash_at)

    def transactions(producer: str) -> Transactions:
        return Transactions(engine, clock, doorbell, producer, hook)

    return Runtime(settings=settings, clock=clock, doorbell=doorbell, transactions=transactions)


def _crash_hook(crash_at: str) -> CommitHook | None:
    """Return what is told of every commit, as (producer, "before" or "after")."""
    if crash_at.count(":") != _COMMIT_COLONS:
        return None
    reach = crash_points(crash_at)
    return lambda producer, phase: reach(f"{producer}:{phase}")


def crash_points(crash_at: str) -> Callable[[str], None]:
    """Return what is told which point has been reached, and kills the process at the one named."""
    wanted, _, count = crash_at.rpartition(":")
    remaining = int(count or 0)

    def reach(point: str) -> None:
        nonlocal remaining
        if point == wanted:
            remaining -= 1
            if remaining == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reach
