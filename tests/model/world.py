"""Virtual time, one thread, one source of chance: the same seed makes the same history."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from heapq import heappop, heappush

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
Doing = Generator["float | Nap", None, object]


def instant(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Broken(AssertionError):
    """An invariant does not hold; the first word names it."""


class Killed(BaseException):
    """The process is gone; nothing catches this."""


@dataclass(frozen=True, slots=True)
class Nap:
    """Sleep for `seconds`, unless somebody rings before."""

    seconds: float


@dataclass(slots=True, eq=False)
class Machine:
    """Where a process runs: it may stand still, die, and have a clock of its own (seconds off)."""

    name: str
    skew: float
    paused_until: float = 0.0
    is_alive: bool = True
    tasks: "list[Task]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Task:
    doing: Doing
    machine: Machine
    turn: int = 0
    naps: bool = False


class World:
    """The queue of everything that is still to happen."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = random.Random(seed)
        self.now = 0.0
        self.is_healing = False
        self.trace: list[tuple[object, ...]] = []
        self._queue: list[tuple[float, int, object, object]] = []
        self._number = 0

    def note(self, *what: object) -> None:
        self.trace.append((round(self.now, 6), *what))

    def happens(self, probability: float) -> bool:
        """Tell whether a fault strikes; none does while everything heals."""
        return not self.is_healing and self.chance.random() < probability

    def monotonic(self) -> float:
        return self.now

    def perf_counter(self) -> float:
        return self.now

    def call(self, at: float, work: Callable[..., object], *arguments: object) -> None:
        self._push(at, work, arguments)

    def start(self, doing: Doing, machine: Machine) -> Task:
        task = Task(doing, machine)
        machine.tasks.append(task)
        self._push(self.now, task, 0)
        return task

    def ring(self, task: Task) -> None:
        if task.naps:
            task.naps = False
            task.turn += 1
            self._push(self.now + 0.002, task, task.turn)

    def crash(self, machine: Machine) -> None:
        machine.is_alive = False
        for task in machine.tasks:
            if not task.doing.gi_running:
                task.doing.close()
        machine.tasks.clear()
        self.note("crash", machine.name)

    def run(self, until: float) -> None:
        queue = self._queue
        while queue and queue[0][0] <= until:
            at, _number, what, detail = heappop(queue)
            self.now = at
            if isinstance(what, Task):
                self._step(what, detail)
            else:
                what(*detail)
        self.now = until

    def _push(self, at: float, what: object, detail: object) -> None:
        self._number += 1
        heappush(self._queue, (at, self._number, what, detail))

    def _step(self, task: Task, turn: int) -> None:
        machine = task.machine
        if turn != task.turn or not machine.is_alive:
            return
        if machine.paused_until > self.now:
            self._push(machine.paused_until, task, turn)
            return
        task.naps = False
        try:
            pause = next(task.doing, None)
        except Killed:
            return
        if pause is None:
            return
        task.turn += 1
        if isinstance(pause, Nap):
            task.naps = True
            pause = pause.seconds
        self._push(self.now + pause, task, task.turn)

    def digest(self) -> str:
        return sha256("\n".join(map(repr, self.trace)).encode()).hexdigest()
