"""What is wrong with a chain of the audit: edited, deleted, moved, inserted rows, a false head.

A walk sees the rows of one chain once, in their order, and keeps no more than the last two and what
it found. Nobody who can also rewrite the head is found out by the chain alone: heads that were kept
elsewhere (an anchor) are what it is compared with then.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from shared.db.audit import Deed, digest

NAMED = 100
"""So many findings of a chain are named; the rest is counted."""
_MOVED_AT_MOST = 16


class Flaw(StrEnum):
    """What can be wrong with one place of a chain, or with a stored row that it vouches for."""

    CHANGED = "changed"
    MISSING = "missing"
    SWAPPED = "swapped"
    INSERTED = "inserted"
    TAKEN_OUT = "taken out"
    CUT_OFF = "cut off"
    BEYOND_HEAD = "beyond the head"
    FALSE_HEAD = "false head"
    NO_HEAD = "no head"
    REWRITTEN = "rewritten"
    ALTERED = "altered"
    UNAUDITED = "unaudited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One row as it is stored; `deed` None where its instant cannot even be read."""

    seq: int
    deed: Deed | None
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`seq` is the first row concerned; `what` says it in a sentence."""

    chain: str
    seq: int
    flaw: Flaw
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Misfit:
    """A row that does not follow from the one before, whose hash was `previous`."""

    row: Kept
    previous: str


@dataclass(slots=True)
class Walk:
    """One chain, row by row; `_moved` is how far rows now stand from where they were made."""

    chain: str
    rows: int = 0
    unnamed: int = 0
    _found: list[Finding] = field(default_factory=list[Finding])
    _misfits: list[_Misfit] = field(default_factory=list[_Misfit])
    _last: Kept = field(default_factory=lambda: Kept(seq=0, deed=None, hash=""))
    _previous: str | None = ""
    _before: str | None = None
    _moved: int = 0

    def see(self, row: Kept) -> None:
        """Look at the next row."""
        if row.seq != self._last.seq + 1:
            self._find(self._last.seq + 1, Flaw.MISSING, _gap(self._last.seq + 1, row.seq - 1))
            self._previous = None  # what it followed is gone: it can only be taken as it is
        leads_on = row.hash
        if self._previous is not None and not self._fits(row, self._previous, self._moved):
            leads_on = self._explain(row, self._previous)
        self._before, self._previous = self._previous, leads_on
        self._last = row
        self.rows += 1

    def end(self, head: Head | None, newest: int) -> list[Finding]:
        """Compare the end with the head and return everything found, in the order of the chain.

        `newest` is the last row there is, which the head may not have known of.
        """
        self._settle()
        last = self._last
        if head is None:
            self._find(1, Flaw.NO_HEAD, "the chain has rows and no head: the head was deleted")
        elif last.seq < head.seq:
            words = f"{_gap(last.seq + 1, head.seq)}: the head counts up to {head.seq}"
            self._find(last.seq + 1, Flaw.CUT_OFF, words)
        elif self._previous not in (None, head.hash):
            words = f"the head does not belong to row {last.seq}: one of the two was replaced"
            self._find(head.seq, Flaw.FALSE_HEAD, words)
        if head is not None and newest > head.seq:
            words = f"the head ends at {head.seq}, the rows at {newest}: one of the two was changed"
            self._find(head.seq + 1, Flaw.BEYOND_HEAD, words)
        return sorted(self._found, key=lambda one: one.seq)

    def _explain(self, row: Kept, previous: str) -> str:
        """Note why a row does not follow from the one before; return what the next follows from."""
        if len(self._misfits) >= NAMED:
            self.unnamed += 1
        elif self._is_swapped_with_last(row):
            last = self._misfits.pop().row
            self._find(last.seq, Flaw.SWAPPED, _swapped(last.seq, row.seq))
            return last.hash
        elif not self._is_moved(row, previous):
            self._misfits.append(_Misfit(row=row, previous=previous))
        return row.hash

    def _last_is_misfit(self) -> bool:
        return bool(self._misfits) and self._misfits[-1].row is self._last

    def _is_swapped_with_last(self, row: Kept) -> bool:
        return (
            self._last_is_misfit()
            and self._before is not None
            and self._fits(row, self._before, self._moved - 1)
            and self._fits(self._last, row.hash, self._moved + 1)
        )

    def _is_moved(self, row: Kept, previous: str) -> bool:
        """Tell whether the row was made for a place a little before or behind this one."""
        for by in range(1, _MOVED_AT_MOST + 1):
            if self._fits(row, previous, self._moved + by):
                self._note_move(row, by)
                return True
            follows = (previous, previous if self._before is None else self._before)
            if any(self._fits(row, one, self._moved - by) for one in follows):
                self._note_move(row, -by)
                return True
        return False

    def _note_move(self, row: Kept, by: int) -> None:
        self._moved += by
        if self._last_is_misfit():
            self._misfits.pop()  # explained by this
        place = row.seq - 1
        if by < 0:
            words = "was put in: those after it were made for earlier places"
            self._find(place, Flaw.INSERTED, f"row {place} {words}")
        else:
            words = (
                f"{by} taken out in front of row {place}: those after were made for later places"
            )
            self._find(place, Flaw.TAKEN_OUT, words)

    def _settle(self) -> None:
        """Tell rows that changed places from rows that were changed."""
        while (pair := self._swapped_pair()) is not None:
            first, second = pair
            self._find(first.row.seq, Flaw.SWAPPED, _swapped(first.row.seq, second.row.seq))
            explained = {first.row.seq, second.row.seq}
            followers = ((first.row.seq, second.row.hash), (second.row.seq, first.row.hash))
            for one in self._misfits:
                if any(
                    one.row.seq == seq + 1 and self._fits(one.row, followed, self._moved)
                    for seq, followed in followers
                ):
                    explained.add(one.row.seq)
            self._misfits = [one for one in self._misfits if one.row.seq not in explained]
        for one in self._misfits:
            seq = one.row.seq
            words = "its words or its hash were changed"
            after = f", or the hash of row {seq - 1} was" if seq > 1 else ""
            self._find(seq, Flaw.CHANGED, f"row {seq} is not what was written: {words}{after}")

    def _swapped_pair(self) -> tuple[_Misfit, _Misfit] | None:
        pairs = combinations(self._misfits, 2)
        return next((pair for pair in pairs if self._have_swapped(*pair)), None)

    def _have_swapped(self, first: _Misfit, second: _Misfit) -> bool:
        by = second.row.seq - first.row.seq
        return self._fits(second.row, first.previous, -by) and self._fits(
            first.row, second.previous, by
        )

    def _fits(self, row: Kept, previous: str, moved: int) -> bool:
        if row.deed is None:
            return False
        return digest(self.chain, row.seq + moved, previous, row.deed) == row.hash

    def _find(self, seq: int, flaw: Flaw, what: str) -> None:
        if len(self._found) < NAMED:
            self._found.append(Finding(chain=self.chain, seq=seq, flaw=flaw, what=what))
        else:
            self.unnamed += 1


def _gap(first: int, last: int) -> str:
    return f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"


def _swapped(first: int, second: int) -> str:
    return f"rows {first} and {second} have changed places"
