"""Whoever tampers with the audit is found out, and the place is named: on real databases."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from shared.db.audit import Deed, append, audit, audit_heads, digest
from shared.db.audit_check import Flaw, Walk
from shared.db.audit_reading import (
    AuditFilter,
    chain_ends,
    deeds_about,
    newest_deeds,
    rows_of,
)

AT = datetime(2024, 1, 1, 12, tzinfo=UTC)
CHAIN = "risk"
ROWS = 40


def deed(number):
    return Deed(
        actor="ops",
        action="limits.changed",
        subject=f"main-{number}",
        detail={"number": number, "ratio": 0.1 * number, "word": "Größe", "none": None},
        at=AT + timedelta(seconds=number, microseconds=number),
    )


@pytest.fixture
def chain(engine):
    """A chain of rows, some written together, beside a chain of somebody else."""
    with engine.begin() as connection:
        append(connection, CHAIN, [deed(number) for number in range(1, 11)])
        append(connection, "executor", [deed(1), deed(2)])
    for number in range(11, ROWS + 1):
        with engine.begin() as connection:
            append(connection, CHAIN, [deed(number)])
    return engine


def found(engine):
    """What the walk of every chain finds: (chain, first row, flaw)."""
    findings = []
    with engine.connect() as connection:
        for end in chain_ends(connection):
            walk = Walk(chain=end.chain)
            for page in rows_of(connection, end.chain, end.until):
                for row in page:
                    walk.see(row)
            findings += walk.end(end.head, end.newest)
    return [(one.chain, one.seq, one.flaw) for one in findings]


def at(seq):
    return (audit.c.chain == CHAIN) & (audit.c.seq == seq)


def tamper(engine, *statements):
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def stored(engine, seq):
    with engine.connect() as connection:
        return dict(connection.execute(select(audit).where(at(seq))).mappings().one())


def test_what_nobody_touched_is_whole(chain):
    assert found(chain) == []


@pytest.mark.parametrize(
    "change",
    [
        {"detail": {"number": 7, "ratio": 0.9}},
        {"actor": "somebody"},
        {"action": "limits.seen"},
        {"subject": "main-8"},
        {"at": AT + timedelta(seconds=7, microseconds=8)},
        {"hash": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_edited_row_is_named_whatever_was_edited(chain, change):
    tamper(chain, update(audit).where(at(7)).values(**change))
    rows = found(chain)
    assert rows[0] == (CHAIN, 7, Flaw.CHANGED)
    assert all(seq in (7, 8) for _, seq, _ in rows)  # a false hash is what the next row follows


def test_an_edited_row_that_was_hashed_anew_does_not_lead_to_the_next(chain):
    row = stored(chain, 7)
    edited = Deed(
        actor="ops", action=row["action"], subject=row["subject"], detail={}, at=row["at"]
    )
    forged = digest(CHAIN, 7, stored(chain, 6)["hash"], edited)
    tamper(chain, update(audit).where(at(7)).values(detail={}, hash=forged))
    assert found(chain) == [(CHAIN, 8, Flaw.CHANGED)]


def test_an_edited_last_row_that_was_hashed_anew_does_not_lead_to_the_head(chain):
    row = stored(chain, ROWS)
    edited = Deed(
        actor="ops", action=row["action"], subject=row["subject"], detail={}, at=row["at"]
    )
    forged = digest(CHAIN, ROWS, stored(chain, ROWS - 1)["hash"], edited)
    tamper(chain, update(audit).where(at(ROWS)).values(detail={}, hash=forged))
    assert found(chain) == [(CHAIN, ROWS, Flaw.FALSE_HEAD)]


def test_deleted_rows_are_named_by_the_gap_they_leave(chain):
    tamper(
        chain, delete(audit).where(at(5)), delete(audit).where(at(20)), delete(audit).where(at(21))
    )
    assert found(chain) == [(CHAIN, 5, Flaw.MISSING), (CHAIN, 20, Flaw.MISSING)]


def test_a_deleted_row_whose_gap_was_closed_is_named(chain):
    tamper(chain, delete(audit).where(at(5)))
    for seq in range(6, ROWS + 1):
        tamper(chain, update(audit).where(at(seq)).values(seq=seq - 1))
    tamper(chain, update(audit_heads).where(audit_heads.c.chain == CHAIN).values(seq=ROWS - 1))
    assert found(chain) == [(CHAIN, 5, Flaw.TAKEN_OUT)]


@pytest.mark.parametrize(("first", "second"), [(5, 6), (5, 7), (9, 30), (1, 2), (1, ROWS)])
def test_two_rows_that_changed_places_are_both_named(chain, first, second):
    tamper(
        chain,
        update(audit).where(at(first)).values(seq=10_000),
        update(audit).where(at(second)).values(seq=first),
        update(audit).where(at(10_000)).values(seq=second),
    )
    assert (CHAIN, first, Flaw.SWAPPED) in found(chain)
    assert len(found(chain)) == 1 + (second == ROWS)  # the head follows from the row that was last


@pytest.mark.parametrize("is_hashed_well", [True, False])
def test_a_row_that_was_put_in_is_named(chain, is_hashed_well):
    for seq in range(ROWS, 14, -1):
        tamper(chain, update(audit).where(at(seq)).values(seq=seq + 1))
    made = deed(99)
    words = {"actor": "ops", "action": made.action, "subject": made.subject, "detail": made.detail}
    forged = digest(CHAIN, 15, stored(chain, 14)["hash"], made) if is_hashed_well else "f" * 64
    tamper(
        chain,
        insert(audit).values(chain=CHAIN, seq=15, at=made.at, hash=forged, **words),
        update(audit_heads).where(audit_heads.c.chain == CHAIN).values(seq=ROWS + 1),
    )
    assert found(chain) == [(CHAIN, 15, Flaw.INSERTED)]


def test_a_cut_off_end_is_named(chain):
    tamper(chain, delete(audit).where((audit.c.chain == CHAIN) & (audit.c.seq > 33)))
    assert found(chain) == [(CHAIN, 34, Flaw.CUT_OFF)]


def test_a_chain_that_was_deleted_as_a_whole_is_named(chain):
    tamper(chain, delete(audit).where(audit.c.chain == CHAIN))
    assert found(chain) == [(CHAIN, 1, Flaw.CUT_OFF)]


def test_a_forged_head_is_named(chain):
    of_chain = audit_heads.c.chain == CHAIN
    tamper(chain, update(audit_heads).where(of_chain).values(hash="0" * 64))
    assert found(chain) == [(CHAIN, ROWS, Flaw.FALSE_HEAD)]
    tamper(
        chain, update(audit_heads).where(of_chain).values(seq=30, hash=stored(chain, 30)["hash"])
    )
    assert found(chain) == [(CHAIN, 31, Flaw.BEYOND_HEAD)]
    tamper(chain, delete(audit_heads).where(of_chain))
    assert found(chain) == [(CHAIN, 1, Flaw.NO_HEAD)]


def test_a_row_that_cannot_be_read_as_one_is_named_too(chain):
    table = "audit" if chain.dialect.name == "sqlite" else "crypto_transactions.audit"
    with chain.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE {table} SET detail = '1e400 {{' WHERE chain = '{CHAIN}' AND seq = 3"
        )
    assert found(chain) == [(CHAIN, 3, Flaw.CHANGED)]


def test_several_things_at_once_are_all_named(chain):
    tamper(
        chain,
        update(audit).where(at(4)).values(actor="somebody"),
        delete(audit).where(at(12)),
        update(audit).where(at(25)).values(detail={}),
        update(audit).where((audit.c.chain == "executor") & (audit.c.seq == 2)).values(actor="x"),
    )
    assert found(chain) == [
        ("executor", 2, Flaw.CHANGED),
        (CHAIN, 4, Flaw.CHANGED),
        (CHAIN, 12, Flaw.MISSING),
        (CHAIN, 25, Flaw.CHANGED),
    ]


def test_whatever_single_row_is_hurt_something_is_found(sqlite_engine):
    with sqlite_engine.begin() as connection:
        append(connection, CHAIN, [deed(number) for number in range(1, ROWS + 1)])
    chance = random.Random(7)
    hurts = (
        lambda seq: delete(audit).where(at(seq)),
        lambda seq: update(audit).where(at(seq)).values(detail={"a": chance.random()}),
        lambda seq: update(audit).where(at(seq)).values(seq=seq + 1_000),
    )
    for seq in range(1, ROWS + 1):
        for hurt in hurts:
            with sqlite_engine.connect() as connection:
                connection.execute(hurt(seq))
                end = next(one for one in chain_ends(connection) if one.chain == CHAIN)
                walk = Walk(chain=CHAIN)
                for page in rows_of(connection, CHAIN, end.until):
                    for row in page:
                        walk.see(row)
                assert walk.end(end.head, end.newest)
                connection.rollback()
    assert found(sqlite_engine) == []


def test_a_ruined_chain_is_told_in_bounded_words(sqlite_engine):
    with sqlite_engine.begin() as connection:
        append(connection, CHAIN, [deed(number) for number in range(1, 1001)])
    tamper(sqlite_engine, update(audit).values(actor="x"))
    with sqlite_engine.connect() as connection:
        walk = Walk(chain=CHAIN)
        for page in rows_of(connection, CHAIN, 1000):
            for row in page:
                walk.see(row)
        named = walk.end(None, 1000)
    assert len(named) == 100
    assert len(named) + walk.unnamed == 1001  # and no head


def test_what_was_done_lately_is_listed_newest_first(chain):
    with chain.connect() as connection:
        both = newest_deeds(connection, AuditFilter(), 3)
        named = newest_deeds(connection, AuditFilter(subject="main-2"), 10)
        family = newest_deeds(connection, AuditFilter(action="limits", chain=CHAIN), 100)
        nobody = newest_deeds(connection, AuditFilter(actor="nobody"), 10)
        about = deeds_about(connection, ["main-3", "main-1"])
    assert [(row.chain, row.seq) for row in both] == [(CHAIN, 40), (CHAIN, 39), (CHAIN, 38)]
    assert [(row.chain, row.seq) for row in named] == [(CHAIN, 2), ("executor", 2)]
    assert len(family) == ROWS
    assert nobody == []
    assert [row.subject for row in about] == ["main-1", "main-1", "main-3"]
