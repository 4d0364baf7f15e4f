"""`trading audit verify|list|head|import`: who did what, and whether the record is whole."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import Connection

from launcher.audit_view import Proof, heads_of, kept_heads, prove
from launcher.console import FAILED, err, out, print_json, print_table
from launcher.options import AsJson
from launcher.panic_import import import_journal
from launcher.progress import counting
from shared.db.audit import audit
from shared.db.audit_reading import AuditFilter, newest_deeds
from shared.db.engine import READ_ONLY, connect
from shared.domain.clock import SystemClock
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load

Chain = Annotated[str | None, typer.Option("--chain", help="Only this chain: a service's name.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Only what this key or service did.")]
Action = Annotated[
    str | None, typer.Option("--action", help="Only this action, or family: 'order', 'verdict'.")
]
Subject = Annotated[
    str | None, typer.Option("--subject", help="Only what was done to this: an id, an instrument.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many to show.")]
SinceHead = Annotated[
    Path | None, typer.Option("--since-head", help="Heads kept from 'trading audit head --json'.")
]
File = Annotated[Path, typer.Argument(help="The journal that 'trading panic' left.")]


@contextmanager
def _reading() -> Generator[Connection]:
    engine = connect(load(PlatformSettings).database())
    try:
        reader = engine.execution_options(**{READ_ONLY: True})  # nobody waits for a long look
        with reader.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def verify(since_head: SinceHead = None, as_json: AsJson = False) -> None:
    """Prove that no row of the audit and no stored verdict was changed; exit 1 names those."""
    kept = None if since_head is None else kept_heads("--since-head", since_head)
    with _reading() as connection, counting("Audit") as report:
        proof = prove(connection, kept, report)
    if as_json:
        print_json(_document(proof))
    else:
        _tell(proof)
    if not proof.is_whole:
        sys.exit(FAILED)


def _document(proof: Proof) -> dict[str, Any]:
    return {
        "is_whole": proof.is_whole,
        "chains": proof.rows,
        "verdicts_compared": proof.verdicts,
        "heads_compared": proof.compared,
        "findings": proof.findings,
        "unnamed": proof.unnamed,
    }


def _tell(proof: Proof) -> None:
    rows = [
        {"chain": chain, "rows": rows, "verdict": _verdict(proof, chain)}
        for chain, rows in proof.rows.items()
    ]
    columns = ("chain", "rows", "verdict")
    print_table("Audit", rows, columns, empty="Nothing has been audited yet.")
    for one in proof.findings:
        err.print(f"{one.chain}: {one.what}", style="bold red", markup=False, soft_wrap=True)
    if proof.unnamed:
        err.print(f"... and {proof.unnamed} more.", style="bold red")
    if proof.is_whole and proof.verdicts:
        out.print(f"{proof.verdicts} stored verdicts are what was audited.")
    if proof.is_whole and proof.compared:
        out.print(f"{proof.compared} kept heads are where they were.")
    elif proof.is_whole and proof.rows:
        out.print(
            "Whoever may write these tables could have written whole chains anew: keep "
            "'trading audit head --json' elsewhere, and name it with --since-head.",
            soft_wrap=True,
        )


def _verdict(proof: Proof, chain: str) -> str:
    found = sum(one.chain == chain for one in proof.findings)
    return f"{found} found" if found else "whole"


def list_deeds(
    chain: Chain = None,
    actor: Actor = None,
    action: Action = None,
    subject: Subject = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show what was done lately, newest first."""
    wanted = AuditFilter(chain=chain, actor=actor, action=action, subject=subject)
    with _reading() as connection:
        rows = newest_deeds(connection, wanted, limit)
    names = [column.name for column in audit.columns]
    shown = [{name: getattr(row, name) for name in names} for row in rows]
    if as_json:
        print_json(shown)
        return
    table = [_row(one) for one in shown]
    columns = ("at", "who", "did", "to", "detail", "row")
    print_table("Audit", table, columns, empty="Nothing like that was done.")


def _row(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": f"{one['at']:%Y-%m-%d %H:%M:%S}Z",
        "who": one["actor"],
        "did": one["action"],
        "to": one["subject"],
        "detail": msgspec.json.encode(one["detail"]).decode(),
        "row": f"{one['chain']}:{one['seq']}",
    }


def head(as_json: AsJson = False) -> None:
    """Show where each chain ends: kept elsewhere, it proves later that nothing was written anew."""
    with _reading() as connection:
        heads = heads_of(connection, SystemClock().now())
    if as_json:
        print_json(heads)
        return
    rows = [{"chain": one.chain, "rows": one.seq, "hash": one.hash} for one in heads.heads]
    columns = ("chain", "rows", "hash")
    print_table("Heads of the audit", rows, columns, empty="Nothing has been audited yet.")


def import_panic(file: File) -> None:
    """Take the journal of a panic, which ran without the database, into the audit; once."""
    transactions = build_runtime(load(PlatformSettings)).transactions("command-line")
    lines = import_journal(transactions, file)
    out.print(f"{lines} lines of {file.name} are in the audit now.", markup=False, soft_wrap=True)
