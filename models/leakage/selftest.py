"""Whether the linter sees what it is there for: planted leaks, and clean sets that must pass."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.evaluation.finding import Finding
from models.leakage.lint import Progress, lint
from models.leakage.planted import LEAKS, Leak, clean

CLEAN_SETS = 20
_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """`leaks` names for each planted leak the checks that failed, `alarms` for each clean set."""

    leaks: Mapping[str, tuple[str, ...]]
    caught: tuple[str, ...]
    alarms: Mapping[int, tuple[str, ...]]

    @property
    def false_alarms(self) -> int:
        return sum(bool(failed) for failed in self.alarms.values())

    @property
    def is_well(self) -> bool:
        return len(self.caught) == len(self.leaks) and self.false_alarms == 0


def selftest(
    progress: Progress,
    leaks: tuple[Leak, ...] = LEAKS,
    clean_sets: int = CLEAN_SETS,
    seed: int = _SEED,
) -> SelfTest:
    """Run all checks on every planted leak and on clean sets; a leak is caught by its own check."""
    total = len(leaks) + clean_sets
    failed: dict[str, tuple[str, ...]] = {}
    for done, leak in enumerate(leaks):
        progress(leak.name, done / total)
        failed[leak.name] = _failed(lint(leak.plant(seed), _quietly))
    alarms: dict[int, tuple[str, ...]] = {}
    for number in range(clean_sets):
        progress(f"clean set {number + 1}", (len(leaks) + number) / total)
        alarms[number] = _failed(lint(clean(number), _quietly))
    progress("done", 1.0)
    return SelfTest(
        leaks=failed,
        caught=tuple(one.name for one in leaks if one.caught_by in failed[one.name]),
        alarms=alarms,
    )


def _failed(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(one.check for one in findings if one.is_leak)


def _quietly(_text: str, _share: float) -> None:
    return
