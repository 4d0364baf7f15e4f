"""Money, instants, words and documents mean the same on SQLite and on MariaDB."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import Column, Integer, Table, insert, select, text
from sqlalchemy.exc import DataError

from shared.db.base import TRANSACTIONS
from shared.db.dialect import insert_once, upsert
from shared.db.types import Blob, Document, Id, Instant, Money, Word
from shared.domain.errors import BadInput


@pytest.fixture
def table(engine):
    from sqlalchemy import MetaData

    made = Table(
        "samples", MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=False), Column("money", Money()),
        Column("at", Instant()), Column("word", Word(16)), Column("document", Document()),
        Column("blob", Blob()), Column("known", Id()), schema=TRANSACTIONS,
    )  # fmt: skip
    with engine.begin() as connection:
        made.create(connection)
    yield made
    with engine.begin() as connection:
        made.drop(connection)


def kept(engine, table, column, value):
    with engine.begin() as connection:
        connection.execute(insert(table).values(id=1, **{column: value}))
        return connection.execute(select(table.c[column])).scalar_one()


@pytest.mark.parametrize(
    "amount",
    [
        "0.100000000000000001",
        "12345678901234567890.123456789012345678",
        "-0.000000000000000001",
        "0",
        "100",
    ],
)
def test_money_is_kept_to_the_last_digit(engine, table, amount):
    assert str(kept(engine, table, "money", Decimal(amount))) == str(Decimal(amount))


def test_money_that_does_not_fit_is_refused_before_it_reaches_the_database(engine, table):
    from sqlalchemy.exc import StatementError

    with pytest.raises((BadInput, StatementError)):
        kept(engine, table, "money", Decimal("1e25"))


def test_an_instant_keeps_its_microseconds_and_becomes_utc(engine, table):
    east = datetime(2024, 5, 1, 12, 0, 0, 123457, tzinfo=timezone(timedelta(hours=5)))
    found = kept(engine, table, "at", east)
    assert found == east
    assert found.tzinfo is UTC


def test_a_naive_instant_is_refused(engine, table):
    with pytest.raises(Exception, match="no time zone"):
        kept(engine, table, "at", datetime(2024, 5, 1))  # noqa: DTZ001


def test_words_differ_by_case_and_may_not_end_in_space(engine, table):
    with pytest.raises(Exception, match="no word"):
        kept(engine, table, "word", "abc ")
    with engine.begin() as connection:
        rows = [{"id": number, "word": word} for number, word in enumerate(("abc", "ABC"))]
        connection.execute(insert(table), rows)
        assert connection.execute(
            select(table.c.id).where(table.c.word == "abc")
        ).scalars().all() == [0]


def test_documents_and_blobs_come_back(engine, table):
    assert kept(engine, table, "document", {"é": ["1.5", None]}) == {"é": ["1.5", None]}
    with engine.begin() as connection:
        connection.execute(insert(table).values(id=2, blob=bytes(range(256))))
        found = connection.execute(select(table.c.blob).where(table.c.id == 2)).scalar_one()
    assert found == bytes(range(256))


def test_insert_once_counts_only_what_is_new(engine, table):
    rows = [{"id": number, "word": "first"} for number in range(3)]
    with engine.begin() as connection:
        assert insert_once(connection, table, rows[:2]) == 2
        assert insert_once(connection, table, [*rows, {"id": 9, "word": "first"}]) == 2
        again = [{"id": 0, "word": "second"}]
        assert insert_once(connection, table, again) == 0
        assert (
            connection.execute(select(table.c.word).where(table.c.id == 0)).scalar_one() == "first"
        )


def test_insert_once_never_hides_a_value_that_does_not_fit(engine, table):
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no length limit to break")
    with engine.begin() as connection, pytest.raises(DataError, match="too long"):
        insert_once(connection, table, [{"id": 1, "word": "x" * 40}])


def test_upsert_sets_the_other_columns(engine, table):
    with engine.begin() as connection:
        upsert(connection, table, [{"id": 1, "word": "a"}, {"id": 2, "word": "a"}], key=("id",))
        upsert(connection, table, [{"id": 2, "word": "b"}, {"id": 3, "word": "b"}], key=("id",))
        assert connection.execute(select(table.c.word).order_by(table.c.id)).scalars().all() == [
            "a",
            "b",
            "b",
        ]


def test_every_connection_reads_committed(mariadb_engine):
    with mariadb_engine.connect() as connection:
        assert connection.execute(text("SELECT @@tx_isolation")).scalar() == "READ-COMMITTED"
