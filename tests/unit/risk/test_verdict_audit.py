"""Every verdict stands in the audit, compactly, and cannot be changed afterwards unnoticed."""

from hashlib import sha256

from sqlalchemy import Text, select, type_coerce

from risk.tables import risk_decisions
from shared.db.audit import audit


def told(engine):
    with engine.connect() as connection:
        return connection.execute(
            select(audit).where(audit.c.action.startswith("verdict.")).order_by(audit.c.seq)
        ).all()


def test_every_verdict_of_a_group_is_told_in_its_own_row(risk, facts):
    group = [facts.entry(1), facts.entry(1, "ETH-USDT"), facts.leaving(1, "SOL-USDT")]
    risk.say(facts.marked(1), facts.issued(1, *group), now=1)
    rows = told(risk.outside.engine)
    assert [row.action for row in rows] == [
        "verdict.approved",
        "verdict.approved",
        "verdict.denied",
    ]
    approved = risk.approved()
    assert [row.subject for row in rows[:2]] == [one.decision_id for one in approved]
    assert rows[0].detail["quantity"] == str(approved[0].quantity)
    assert rows[0].detail["limits_version"] == approved[0].limits_version
    denied = risk.denied()[0]
    assert rows[2].detail["breaches"] == [breach.check for breach in denied.breaches]
    assert {row.chain for row in rows} == {"risk"}


def test_a_verdict_is_told_by_the_digest_of_what_is_stored(risk, facts):
    risk.say(facts.marked(1), facts.issued(1, facts.entry(1)), now=1)
    (row,) = told(risk.outside.engine)
    payload = select(type_coerce(risk_decisions.c.payload, Text))
    with risk.outside.engine.connect() as connection:
        stored = connection.execute(payload).scalar_one()
    assert row.detail["payload"] == sha256(stored.encode()).hexdigest()


def test_hearing_a_recommendation_again_tells_nothing_again(risk, facts):
    risk.say(facts.marked(1), facts.issued(1, facts.entry(1)), now=1)
    risk.say(facts.issued(1, facts.entry(1), origin="pipeline:again"))
    assert len(told(risk.outside.engine)) == 1
