"""The proof of the audit compares every stored verdict with what was audited of it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, insert, select, text, update

from launcher.audit_view import prove
from risk.handlers.auditing import audit_verdicts
from risk.repository.decisions import add_decisions
from risk.tables import risk_decisions
from shared.bus.doorbell import InProcessDoorbell
from shared.bus.unit_of_work import Transactions
from shared.db.audit_check import NAMED, Flaw
from shared.domain.clock import FollowingClock
from shared.domain.ids import derive
from tests.builders import APPROVED, CLOSED_AT, DENIED

TABLE = risk_decisions.c


def of_number(number):
    return replace(
        DENIED,
        decision_id=derive("decision", str(number)),
        recommendation_id=derive("recommendation", str(number)),
    )


DENIED_TOO = of_number(0)
OF_APPROVED = TABLE.decision_id == APPROVED.decision_id


@pytest.fixture
def given(engine):
    """Two verdicts as risk gives them: stored and audited in one transaction."""
    give(engine, [APPROVED, DENIED_TOO])
    return engine


def give(engine, verdicts):
    risk = Transactions(engine, FollowingClock(CLOSED_AT), InProcessDoorbell(), "risk")
    with risk.begin() as uow:
        add_decisions(uow.connection, verdicts, uow.now)
        audit_verdicts(verdicts, uow)


def change(engine, statement):
    with engine.begin() as connection:
        connection.execute(statement)


def proof_of(engine):
    with engine.connect() as connection:
        return prove(connection, None, lambda _done, _total: None)


def found(engine):
    return [(one.chain, one.seq, one.flaw, one.what) for one in proof_of(engine).findings]


def test_verdicts_as_they_were_given_are_whole(given):
    proof = proof_of(given)
    assert (proof.is_whole, proof.verdicts, proof.findings) == (True, 2, [])


def test_a_payload_that_was_changed_is_named_with_the_row_of_the_audit(given):
    with given.connect() as connection:
        payload = connection.execute(select(TABLE.payload).where(OF_APPROVED)).scalar_one()
    changed = {**payload, "quantity": "999"}
    change(given, update(risk_decisions).where(OF_APPROVED).values(payload=changed))
    words = f"row 1: the verdict {APPROVED.decision_id} is not the one that was audited"
    assert found(given) == [("risk", 1, Flaw.ALTERED, words)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("account", "live-main"),
        ("symbol", "ETH-USDT"),
        ("purpose", "exit"),
        ("verdict", "denied"),
        ("limits_version", 2),
        ("reasons", [{"check": "none"}]),
        ("sizing", {"kind": "exit"}),
        ("quantity", Decimal("0.00238")),
        ("quantity", None),
        ("limit_price", Decimal(99_999)),
        ("expires_at", CLOSED_AT + timedelta(days=1)),
        ("decided_at", CLOSED_AT - timedelta(microseconds=1)),
        ("recommendation_id", derive("recommendation", "a third")),
    ],
)
def test_no_column_can_say_anything_else_than_its_verdict(given, column, value):
    change(given, update(risk_decisions).where(OF_APPROVED).values({column: value}))
    words = f"row 1: the verdict {APPROVED.decision_id} was changed beside its payload: {column}"
    assert found(given) == [("risk", 1, Flaw.ALTERED, words)]


def test_a_denial_that_became_an_approval_is_found(given):
    values = {"verdict": "approved", "quantity": Decimal(1), "limit_price": Decimal(1)}
    change(given, update(risk_decisions).where(~OF_APPROVED).values(values))
    ((_, seq, _, words),) = found(given)
    assert seq == 2
    assert words.endswith("beside its payload: verdict, quantity, limit_price")


def test_a_verdict_that_is_gone_and_one_that_nobody_audited_are_named(given):
    with given.begin() as connection:
        row = dict(connection.execute(select(risk_decisions).where(OF_APPROVED)).one()._mapping)
        connection.execute(delete(risk_decisions).where(OF_APPROVED))
        row["decision_id"] = derive("decision", "forged")
        connection.execute(insert(risk_decisions).values(row))
    gone, forged = found(given)
    words = f"row 1: the verdict {APPROVED.decision_id} was audited and is not stored"
    assert gone == ("risk", 1, Flaw.ALTERED, words)
    words = f"the verdict {row['decision_id']} is stored and was never audited"
    assert forged == ("risk_decisions", 0, Flaw.UNAUDITED, words)


@pytest.mark.parametrize("page", [1, 3, 7, 8, 9])
def test_verdicts_that_nobody_audited_are_found_on_every_page(engine, monkeypatch, page):
    monkeypatch.setattr("launcher.audited_verdicts._PAGE", page)
    many = [of_number(number) for number in range(8)]
    give(engine, many[::2])
    with engine.begin() as connection:
        add_decisions(connection, many[1::2], CLOSED_AT)
    assert [what.split()[2] for *_, what in found(engine)] == sorted(
        one.decision_id for one in many[1::2]
    )


def test_what_cannot_even_be_read_is_named_and_the_rest_is_still_compared(sqlite_engine):
    given = sqlite_engine  # the others let no column hold what it cannot be
    give(given, [APPROVED, DENIED_TOO])
    spoilt = text("UPDATE risk_decisions SET quantity = 'much' WHERE decision_id = :one")
    with given.begin() as connection:
        connection.execute(spoilt, {"one": APPROVED.decision_id})
    change(given, update(risk_decisions).where(~OF_APPROVED).values(limits_version=9))
    first, second = found(given)
    assert (
        first[3] == f"row 1: the verdict {APPROVED.decision_id} cannot be read: its row was changed"
    )
    assert second[3].endswith("beside its payload: limits_version")


def test_the_first_hundred_are_named_and_the_rest_is_counted(engine):
    give(engine, [of_number(number) for number in range(NAMED + 7)])
    change(engine, update(risk_decisions).values(limits_version=9))
    proof = proof_of(engine)
    assert (len(proof.findings), proof.unnamed) == (NAMED, 7)
