"""Takes what a panic wrote to its own file, without the database, into the audit."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from launcher.person import person
from shared.bus.unit_of_work import Transactions, UnitOfWork
from shared.db.audit_reading import AuditFilter, newest_deeds
from shared.domain.errors import BadInput, Conflict

IMPORTED = "panic.imported"
STEP = "panic.step"


def import_journal(transactions: Transactions, file: Path) -> int:
    """Write every line of a panic's journal into the audit, once; return how many.

    Raises:
        BadInput: the file is no journal of a panic.
        Conflict: it has been imported.
    """
    content = file.read_bytes()
    lines = [_line(file, text) for text in content.splitlines() if text.strip()]
    if not lines:
        raise BadInput("FILE", f"'{file}' is empty", "name the journal that 'trading panic' left")
    digest = sha256(content).hexdigest()

    def work(uow: UnitOfWork) -> None:
        wanted = AuditFilter(action=IMPORTED, subject=digest)
        if newest_deeds(uow.connection, wanted, 1):
            raise Conflict(f"{file.name} is in the audit already")
        detail = {"file": file.name, "lines": len(lines)}
        uow.audit(person(), IMPORTED, digest, detail)
        for line in lines:
            uow.audit("panic", STEP, digest, line)

    transactions.attempt(work)
    return len(lines)


def _line(file: Path, text: bytes) -> Mapping[str, Any]:
    try:
        line = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise _no_journal(file) from error
    if not isinstance(line, dict) or not {"at", "action"} <= line.keys():
        raise _no_journal(file)
    found: Mapping[str, Any] = line
    return found


def _no_journal(file: Path) -> BadInput:
    remedy = "name the file that 'trading panic' said every step is in"
    return BadInput("FILE", f"'{file}' is no journal of a panic", remedy)
