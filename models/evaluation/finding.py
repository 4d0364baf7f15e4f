"""What a check says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`detail` is one sentence for people, `figures` are what it rests on."""

    check: str
    title: str
    verdict: Verdict
    detail: str
    figures: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def is_leak(self) -> bool:
        return self.verdict is Verdict.FAILED


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a check found out; `is_well` None where it only reports."""

    is_well: bool | None
    detail: str
    figures: Mapping[str, float] = field(default_factory=dict[str, float])

    def as_finding(self, check: str, title: str) -> Finding:
        verdict = Verdict.REPORTED
        if self.is_well is not None:
            verdict = Verdict.PASSED if self.is_well else Verdict.FAILED
        return Finding(
            check=check, title=title, verdict=verdict, detail=self.detail, figures=self.figures
        )
