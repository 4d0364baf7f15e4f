"""Each chain of the audit is one, whoever writes at the same time."""

import threading

from sqlalchemy import select

from shared.db import audit


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
