"""What was proven of the books, and what does not agree."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMED = 100
"""So many findings are named; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One value that is not what it should be; `column` is `row` where a whole row is amiss."""

    table: str
    key: str
    column: str
    stored: str
    rebuilt: str


@dataclass(slots=True, kw_only=True)
class Proof:
    """`waiting` fills are written down and not heard of yet; `repaired` rows were rewritten.

    `tables` are those in which anything was found.
    """

    bookings: int = 0
    entries: int = 0
    fills: int = 0
    lots: int = 0
    trips: int = 0
    waiting: int = 0
    repaired: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])
    unnamed: int = 0
    tables: set[str] = field(default_factory=set[str])

    @property
    def agrees(self) -> bool:
        return not self.findings

    def note(self, table: str, key: str, column: str, stored: object, rebuilt: object) -> None:
        self.tables.add(table)
        if len(self.findings) >= NAMED:
            self.unnamed += 1
            return
        found = Finding(
            table=table, key=key, column=column, stored=_said(stored), rebuilt=_said(rebuilt)
        )
        self.findings.append(found)


def differing(
    told: Mapping[str, object], stored: Mapping[str, object]
) -> tuple[tuple[str, object, object], ...]:
    """Return (column, stored, rebuilt) of what is not as it should be."""
    return tuple(
        (name, stored.get(name), value) for name, value in told.items() if stored.get(name) != value
    )


def _said(value: object) -> str:
    return "nothing" if value is None else str(value)
