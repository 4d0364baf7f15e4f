"""Serves services together in one process; crash-only: a failed task ends the process."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from types import FrameType

from shared.bus.consumer import Consumer, SharedConsumer, in_one_line
from shared.bus.envelope import Envelope
from shared.bus.history import last_instant
from shared.bus.unit_of_work import datetime_now
from shared.http.probes import Check
from shared.runtime.listening import http_server, listen
from shared.runtime.logging import get_logger
from shared.runtime.one_market import refuse_another_market
from shared.runtime.pruning import keep_pruned
from shared.runtime.sampling import sample
from shared.runtime.service import (
    Runtime,
    Service,
    Work,
    add_check,
    key_uses,
)

_GRACE_SECONDS = 8.0

log = get_logger()


class Platform:
    """The running services of one process."""

    def __init__(
        self, services: Sequence[Service], runtime: Runtime, stop: Event | None = None
    ) -> None:
        self.services = services
        self.runtime = runtime
        self.stop = stop or Event()
        self.failed = False
        self.consumers = [self._consumer(service) for service in services if service.handlers]
        self._threads: dict[str, Thread] = {}

    def _consumer(self, service: Service) -> Consumer:
        metrics = service.metrics
        failures = metrics.consumer_failures_total.labels(consumer=service.name)

        def failed(error: Exception) -> None:
            failures.inc()
            log.warning("facts.retry", consumer=service.name, error=in_one_line(error))

        def handled(batch: Sequence[Envelope]) -> None:
            wall = datetime_now()
            latest = max(envelope.origin_at for envelope in batch)
            oldest = min(envelope.origin_at for envelope in batch)
            stage = metrics.stage_latency_seconds.labels(stage=service.name)
            stage.observe(max((wall - latest).total_seconds(), 0.0))
            lag = metrics.consumer_lag_seconds.labels(consumer=service.name)
            lag.set(max((wall - oldest).total_seconds(), 0.0))

        kind = SharedConsumer if service.is_shared else Consumer
        transactions = self.runtime.transactions(service.name)
        if service.idle_seconds is not None:
            transactions = transactions.hurried(service.idle_seconds)
        consumer = kind(
            service.name,
            transactions,
            service.handlers,
            service.poll_seconds,
            on_failure=failed,
            on_handled=handled,
        )
        add_check(service.api, Check(name="facts", problem=consumer.problem))
        return consumer

    def start(self) -> None:
        """Subscribe everybody, then start consumers, then the tasks that make facts."""
        for consumer in self.consumers:
            consumer.subscribe()
        for consumer in self.consumers:
            self._spawn(Work(name=f"{consumer.name}.consumer", run=consumer.run))
        for service in self.services:
            for task in (*service.tasks, key_uses(service.api)):
                self._spawn(Work(name=f"{service.name}.{task.name}", run=task.run))
        transactions = self.runtime.transactions("sampler")
        self._spawn(
            Work(name="sampler", run=lambda stop: sample(self.services, transactions, stop))
        )

        producers = [self.runtime.transactions(service.name) for service in self.services]
        days = self.runtime.settings.trading_event_log_days
        self._spawn(Work(name="pruner", run=lambda stop: keep_pruned(producers, days, stop)))

    def _spawn(self, work: Work) -> None:
        def guarded() -> None:
            try:
                work.run(self.stop)
            except Exception as error:  # crash-only: whoever restarts us finds a clean state
                self.failed = True
                log.critical("task.failed", task=work.name, error=str(error), exc_info=True)
                self.stop.set()

        thread = Thread(target=guarded, name=work.name, daemon=True)
        thread.start()
        self._threads[work.name] = thread

    def wait_for(self, name: str) -> None:
        """Return when the named task (`service.task`) has ended, or everything is to stop."""
        while self._threads[name].is_alive() and not self.stop.is_set():
            self._threads[name].join(0.05)

    def shut_down(self) -> None:
        """Let every thread finish the batch in hand; what is left is done after the next start."""
        self.stop.set()
        self.runtime.doorbell.ring([consumer.name for consumer in self.consumers])
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in self._threads.values():
            thread.join(max(deadline - time.monotonic(), 0.0))
        self.runtime.doorbell.close()


async def _serve_http(platform: Platform, sockets: Sequence[socket.socket]) -> None:
    servers = [http_server(service.api) for service in platform.services]
    serving = [
        asyncio.create_task(server.serve(sockets=[one]))
        for server, one in zip(servers, sockets, strict=True)
    ]
    while not platform.stop.is_set() and not any(  # noqa: ASYNC110 - threads set this event
        task.done() for task in serving
    ):
        await asyncio.sleep(0.05)
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*serving)


@contextmanager
def stop_on_signals() -> Generator[Event]:
    """Yield what SIGTERM and SIGINT set, from before the first task on until after the last."""
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def resume_time(runtime: Runtime) -> None:
    """Let a clock that follows the facts go on where it was, before anybody asks it."""
    with runtime.transactions("start").read() as connection:
        last = last_instant(connection)
    if last is not None:
        runtime.clock.observe(last)


def serve(
    services: Sequence[Service],
    runtime: Runtime,
    alongside: Callable[[Platform], None] = lambda _platform: None,
) -> int:
    """Serve until SIGTERM or SIGINT, or until a task fails; return the exit code.

    `alongside` is called once everything has started, for what wants to watch.

    Raises:
        TradingError: a port is in use.
        ConfigurationError: the database keeps the books of another market.
    """
    host = runtime.settings.trading_bind_host
    with ExitStack() as held:
        sockets = [listen(one.name, host, one.port, held) for one in services]
        stop = held.enter_context(stop_on_signals())
        return serve_at(sockets, services, runtime, stop, alongside)


def serve_at(
    sockets: Sequence[socket.socket],
    services: Sequence[Service],
    runtime: Runtime,
    stop: Event,
    alongside: Callable[[Platform], None] = lambda _platform: None,
) -> int:
    """Serve as `serve` does, at ports that are taken already, until `stop` is set."""
    refuse_another_market(runtime)
    resume_time(runtime)
    platform = Platform(services, runtime, stop)
    try:
        platform.start()
        log.info("platform.started", services=[service.name for service in services])
        alongside(platform)
        asyncio.run(_serve_http(platform, sockets))
    finally:
        platform.shut_down()
    log.info("platform.stopped", failed=platform.failed)
    return 1 if platform.failed else 0
