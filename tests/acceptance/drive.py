"""The real services on a real database, driven step by step in one thread, and killed at will.

Nothing of the platform is replaced: these are the services' own handlers, consumers, publisher,
transactions and tables; only the threads are left out, so that a run can be stopped at any commit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from launcher.assembly import build_services
from market_data.tasks import Publisher
from shared.bus.consumer import Consumer
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import CommitHook, Transactions
from shared.db.engine import connect
from shared.domain.clock import FollowingClock
from shared.runtime.service import Runtime
from shared.runtime.settings import PlatformSettings


class OneRound(Event):
    """Lets a task go round once: it stops where it would have paused."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self.set()
        return True


Overrides = dict[str, dict[str, Any]]


class Killed(BaseException):
    """What kill -9 is to a process: nothing after it runs, nothing open is committed."""


@dataclass(kw_only=True)
class Drive:
    """One life of the platform on a database; `hook` is called at every commit."""

    settings: PlatformSettings
    overrides: Overrides
    hook: CommitHook | None = None
    commits: list[str] = field(default_factory=list)
    is_started: bool = False

    def __post_init__(self) -> None:
        self.engine = connect(self.settings.database())
        self.clock = FollowingClock()
        doorbell = InProcessDoorbell()

        def on_commit(producer: str, phase: str) -> None:
            if phase == "before":
                self.commits.append(producer)
            if self.hook is not None:
                self.hook(producer, phase)

        def transactions(producer: str) -> Transactions:
            return Transactions(self.engine, self.clock, doorbell, producer, on_commit)

        runtime = Runtime(
            settings=self.settings, clock=self.clock, doorbell=doorbell, transactions=transactions
        )
        self.services = build_services(runtime, (), **self.overrides)
        self.consumers = [
            Consumer(one.name, transactions(one.name), one.handlers, 1.0)
            for one in self.services
            if one.handlers
        ]
        self.feed = next(one for one in self.services if one.name == "market_data").tasks[0]
        self.publisher: Publisher = self.feed.run.__self__  # pyright: ignore[reportFunctionMemberAccess]

    def subscribe(self) -> None:
        for consumer in self.consumers:
            consumer.subscribe()

    def settle(self, order: Sequence[int] | None = None) -> None:
        """Let everybody handle what there is, in the given order of turns, until all is quiet."""
        turns = [self.consumers[place] for place in order] if order else self.consumers
        while sum(consumer.handle_waiting() for consumer in turns):
            pass

    def run(self, *, settle: Callable[[], None] | None = None) -> None:
        """Publish every instant of the feed, each when the one before has been handled."""
        quiet = settle or self.settle
        self.subscribe()
        for service in self.services:
            for task in service.tasks:
                if task is not self.feed:
                    task.run(OneRound())
        self.is_started = True
        quiet()
        for instant in self.publisher.feed.instants(self.publisher._reached()):
            self.publisher.publish(instant)
            quiet()

    def close(self) -> None:
        self.engine.dispose()


def run_through_kills(make: Callable[[CommitHook], Drive], phase: str) -> int:
    """Run to the end while every commit is killed once, before or after it; return the kills.

    `before`: the transaction is lost and must be made again. `after`: it stands, and what the dead
    process would have done next must be found in the database by the next one. What every start
    commits anew is killed the first time only.
    """
    kills = 0
    spared = False
    survived: set[int] = set()
    drive: Drive | None = None

    def hook(_producer: str, at: str) -> None:
        nonlocal kills, spared
        if at != phase or drive is None:
            return
        if not drive.is_started:
            place = len(drive.commits)
            if place in survived:
                return
            survived.add(place)
        elif spared:  # this commit was killed before it once; now it may pass
            spared = False
            return
        else:
            spared = phase == "before"
        kills += 1
        raise Killed

    while True:
        drive = make(hook)
        try:
            drive.run()
        except Killed:
            continue
        finally:
            drive.close()
        return kills
