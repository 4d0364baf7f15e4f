"""Prepared statements say what SQLAlchemy's own execution says, on both databases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Column, Integer, Table, bindparam, insert, literal, select, update
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from shared.db.base import TRANSACTIONS, metadata
from shared.db.statements import Prepared, among, given
from shared.db.types import Document, Instant, Money, Word

NOON = datetime(2024, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def notes(engine):
    table = Table(
        "test_notes",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("word", Word(16), nullable=False),
        Column("amount", Money()),
        Column("at", Instant()),
        Column("detail", Document()),
        schema=TRANSACTIONS,
    )
    with engine.begin() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
    yield table
    with engine.begin() as connection:
        table.drop(connection)
    metadata.remove(table)


def row(n, **changed):
    amount = Decimal("0.100000000000000001")
    return {"id": n, "word": f"w{n}", "amount": amount, "at": NOON, "detail": {"n": [n]}} | changed


@pytest.fixture
def written(engine, notes):
    with engine.begin() as connection:
        adding = Prepared(insert(notes))
        assert adding.run(connection, [row(1), row(2), row(3)]) == 3
        assert adding.run(connection, [row(4, amount=None, at=None, detail=None)]) == 1
        assert adding.run(connection, []) == 0
    return notes


def test_values_come_back_as_they_went_in(engine, written):
    statement = select(written).order_by(written.c.id)
    with engine.begin() as connection:
        found = Prepared(statement).rows(connection)
        expected = connection.execute(statement).all()
    assert [one._asdict() for one in found] == [one._asdict() for one in expected]
    assert found[0].amount == Decimal("0.100000000000000001")
    assert found[0].at == NOON
    assert found[3].amount is found[3].at is found[3].detail is None


def test_lists_of_any_length_and_a_constant_limit(engine, written):
    some = Prepared(
        select(written.c.id)
        .where(among(written.c.word, "words"), given(written.c.at))
        .order_by(written.c.id)
        .limit(2)
    )
    with engine.begin() as connection:
        assert some.column(connection, words=["w2"], at=NOON) == [2]
        assert some.column(connection, words=["w3", "w2", "w1", "none"], at=NOON) == [1, 2]
        assert some.column(connection, words=[], at=NOON) == []
        assert some.value(connection, words=["w3"], at=NOON) == 3
        assert some.first(connection, words=["none"], at=NOON) is None
        assert some.value(connection, words=["none"], at=NOON) is None


def test_an_update_sets_what_the_rows_name(engine, written):
    change = Prepared(update(written).where(written.c.id == bindparam("identity")))
    with engine.begin() as connection:
        assert change.run(connection, [{"identity": 1, "word": "a"}]) == 1
        assert change.run(connection, [{"identity": 2, "amount": Decimal(7), "word": "b"}]) == 1
        assert change.run(connection, [{"identity": 9, "word": "c"}]) == 0
        found = connection.execute(select(written.c.word, written.c.amount).order_by(written.c.id))
        assert [tuple(one) for one in found][:2] == [
            ("a", Decimal("0.100000000000000001")),
            ("b", Decimal(7)),
        ]


def test_a_missing_value_and_a_wrong_one_are_named(engine, written):
    one = Prepared(select(written).where(given(written.c.word)))
    with engine.begin() as connection:
        assert len(one.rows(connection, word="w1")) == 1
        with pytest.raises(KeyError, match="word"):
            one.rows(connection)
        with pytest.raises(StatementError, match="no word"):
            one.rows(connection, word=" w1 ")


def test_what_the_driver_refuses_comes_as_sqlalchemy_says_it(engine, written):
    with pytest.raises(IntegrityError), engine.begin() as connection:
        Prepared(insert(written)).run(connection, [row(5), row(1)])
    with engine.begin() as connection:
        assert Prepared(select(written.c.id)).column(connection) == [1, 2, 3, 4]


def test_a_lost_connection_is_given_up(mariadb_engine):
    statement = Prepared(select(literal(1).label("one")))
    with mariadb_engine.connect() as connection, mariadb_engine.connect() as other:
        number = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar_one()
        other.exec_driver_sql(f"KILL {number}")
        with pytest.raises(OperationalError) as caught:
            statement.rows(connection)
        assert caught.value.connection_invalidated
        connection.rollback()
        assert len(statement.rows(connection)) == 1
