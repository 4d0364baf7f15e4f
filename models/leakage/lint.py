"""The ten checks of ml.md 4.4, in order, over one subject."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from models.evaluation.finding import Finding, Seen
from models.leakage.bench import Advance, Bench
from models.leakage.causality import future_poison, tail_parity, truncation
from models.leakage.skill import (
    label_shift,
    positive_control,
    purge_effect,
    split_alarm,
    staleness,
    too_good,
)
from models.leakage.subject import Subject
from models.leakage.timing import time_order

Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`work` is its part of the time all of them take, roughly."""

    name: str
    title: str
    look: Callable[[Bench, Advance], Seen]
    work: float


CHECKS = (
    Check(name="L1", title="truncation", look=truncation, work=0.15),
    Check(name="L2", title="tail parity", look=tail_parity, work=0.02),
    Check(name="L3", title="future poison", look=future_poison, work=0.08),
    Check(name="L4", title="label shift", look=label_shift, work=0.40),
    Check(name="L5", title="positive control", look=positive_control, work=0.09),
    Check(name="L6", title="staleness", look=staleness, work=0.08),
    Check(name="L7", title="purge effect", look=purge_effect, work=0.08),
    Check(name="L8", title="split alarm", look=split_alarm, work=0.06),
    Check(name="L9", title="too good", look=too_good, work=0.01),
    Check(name="L10", title="time order", look=time_order, work=0.03),
)


def lint(subject: Subject, progress: Progress) -> tuple[Finding, ...]:
    """Return what every check found.

    Raises:
        BadInput: no rows, too few days of them for the folds, or a feature function that fails.
    """
    bench = Bench(subject)
    progress("features and folds", 0.0)
    bench.prepare()
    findings: list[Finding] = []
    behind = 0.0
    for check in CHECKS:
        before = behind

        def advance(share: float, check: Check = check, before: float = before) -> None:
            progress(f"{check.name} {check.title}", before + share * check.work)

        advance(0.0)
        findings.append(check.look(bench, advance).as_finding(check.name, check.title))
        behind += check.work
    return tuple(findings)
