"""The audit proven and compared with heads that a person has kept elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from launcher.audited_verdicts import Comparison, number_stored
from shared.db.audit_check import Finding, Flaw, Walk
from shared.db.audit_reading import chain_ends, hash_at, rows_of
from shared.domain.errors import BadInput

Report = Callable[[int, int], None]


class KeptHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a chain ended when its head was kept."""

    chain: str
    seq: int
    hash: str


class KeptHeads(msgspec.Struct, frozen=True, kw_only=True):
    """What `trading audit head` prints for keeping."""

    kept_at: datetime
    heads: tuple[KeptHead, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """`rows` by chain; `verdicts` were compared; `unnamed` are findings beyond the named ones."""

    rows: dict[str, int]
    verdicts: int
    findings: Sequence[Finding]
    unnamed: int
    compared: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.findings


@dataclass(slots=True)
class _Gathered:
    rows: dict[str, int] = field(default_factory=dict[str, int])
    findings: list[Finding] = field(default_factory=list[Finding])
    unnamed: int = 0


def prove(connection: Connection, kept: KeptHeads | None, report: Report) -> Proof:
    """Walk every chain, compare every stored verdict, and say what is wrong.

    Memory does not grow with the rows.
    """
    ends = chain_ends(connection)
    total = sum(end.until for end in ends) + number_stored(connection)
    gathered, done = _Gathered(), 0
    verdicts = Comparison(connection)
    for end in ends:
        walk = Walk(chain=end.chain)
        for page in rows_of(connection, end.chain, end.until):
            for row in page:
                walk.see(row)
            verdicts.see(end.chain, page)
            report(done + walk.rows, total)
        done += walk.rows
        gathered.findings += walk.end(end.head, end.newest)
        gathered.rows[end.chain] = walk.rows
        gathered.unnamed += walk.unnamed
    verdicts.look_behind(lambda looked_at: report(min(done + looked_at, total), total))
    gathered.findings += verdicts.findings
    gathered.unnamed += verdicts.unnamed
    known = () if kept is None else kept.heads
    gathered.findings += [found for one in known if (found := _rewritten(connection, one))]
    return Proof(
        rows=gathered.rows,
        verdicts=verdicts.rows,
        findings=gathered.findings,
        unnamed=gathered.unnamed,
        compared=len(known),
    )


def _rewritten(connection: Connection, kept: KeptHead) -> Finding | None:
    """Return how a chain differs from what it was when its head was kept."""
    found = hash_at(connection, kept.chain, kept.seq)
    if found == kept.hash:
        return None
    is_there = "has another hash now" if found is not None else "is not there any more"
    words = f"row {kept.seq}, its head when it was kept, {is_there}: the chain was written anew"
    return Finding(chain=kept.chain, seq=kept.seq, flaw=Flaw.REWRITTEN, what=words)


def heads_of(connection: Connection, now: datetime) -> KeptHeads:
    """Return the heads of all chains, for keeping."""
    heads = tuple(
        KeptHead(chain=end.chain, seq=end.head.seq, hash=end.head.hash)
        for end in chain_ends(connection)
        if end.head is not None and end.head.seq
    )
    return KeptHeads(kept_at=now, heads=heads)


def kept_heads(option: str, file: Path) -> KeptHeads:
    """Return heads that were kept.

    Raises:
        BadInput: the file is not what `trading audit head` printed.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=KeptHeads)
    except msgspec.MsgspecError as error:
        remedy = "name what 'trading audit head --json' printed"
        raise BadInput(option, f"'{file}' holds no heads ({error})", remedy) from error
