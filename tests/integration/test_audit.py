"""Each chain of the audit is one, whoever writes at the same time."""

import threading

from sqlalchemy import select

from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db import audit
from shared.db.audit_check import Walk
from shared.db.audit_reading import chain_ends, rows_of
from shared.db.control import control
from shared.db.dialect import insert_missing
from shared.db.engine import connect
from shared.domain.clock import FollowingClock
from tests.builders import CLOSED_AT


def test_rows_written_at_once_still_form_one_chain(transactions):
    def write(number):
        with transactions.begin() as uow:
            uow.audit("test", "limits.changed", str(number), {"to": 1})

    write(0)
    together = threading.Barrier(8)

    def race(number):
        together.wait()
        write(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transactions.read() as connection:
        rows = connection.execute(select(audit.audit).order_by(audit.audit.c.seq)).all()
    assert len(rows) == 9
    previous = ["", *(row.hash for row in rows[:-1])]
    for row, before in zip(rows, previous, strict=True):
        deed = audit.Deed(
            actor=row.actor, action=row.action, subject=row.subject, detail=row.detail, at=row.at
        )
        assert row.hash == audit.digest(row.chain, row.seq, before, deed)


def test_replicas_that_begin_a_chain_together_write_one_and_never_deadlock(
    engine, database_address
):
    """Each locks something of its own first, as services do; the head comes last, so none waits
    for another while it holds it. Nothing is tried again here: a deadlock would be raised.
    """
    replicas = [engine, connect(database_address)]
    together, failures = threading.Barrier(8), []

    def write(number):
        own = Transactions(
            replicas[number % 2], FollowingClock(CLOSED_AT), InProcessDoorbell(), "risk"
        )
        together.wait()
        try:
            for turn in range(10):
                with own.begin() as uow:
                    row = {"account": f"a-{number}-{turn}", "state": "run", "version": 1,
                           "actor": "test", "reason": "", "changed_at": CLOSED_AT}  # fmt: skip
                    insert_missing(uow.connection, control, [row])
                    uow.audit("test", "trading_state.changed", row["account"], {"turn": turn})
        except Exception as error:  # noqa: BLE001 - told to the test, which runs in another thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    replicas[1].dispose()
    assert failures == []
    with engine.connect() as connection:
        (end,) = chain_ends(connection)
        walk = Walk(chain=end.chain)
        for page in rows_of(connection, end.chain, end.until):
            for row in page:
                walk.see(row)
        assert walk.end(end.head, end.newest) == []
    assert walk.rows == 80
