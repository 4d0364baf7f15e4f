"""Plays one seed in virtual time and says what, if anything, was broken."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from executor.tasks import board, leading
from tests.model.story import Story
from tests.model.world import Broken, World


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    broken: str | None
    counts: dict[str, int]
    world: World

    @property
    def digest(self) -> str:
        return self.world.digest()

    def told(self) -> str:
        """Return everything that happened, one thing a line, and what is broken."""
        lines = [" ".join(map(str, one)) for one in self.world.trace]
        return "\n".join([*lines, f"seed {self.seed}: {self.broken}"])


@contextmanager
def _virtual_time(world: World) -> Iterator[None]:
    """Have the executor's board and leadership read the world's time."""
    real = board.time, leading.time
    board.time = leading.time = world
    try:
        yield
    finally:
        board.time, leading.time = real


def play(seed: int, breaks: frozenset[str] = frozenset()) -> Outcome:
    """Play one seed to its end."""
    story = Story(seed, breaks)
    broken = None
    with _virtual_time(story.world):
        try:
            story.tell()
        except Broken as error:
            broken = str(error)
    return Outcome(seed=seed, broken=broken, counts=story.auditor.counts, world=story.world)
