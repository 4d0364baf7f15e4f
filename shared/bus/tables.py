"""The log of facts and who still has to hear which."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text
from sqlalchemy.dialects import mysql

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Id, Instant, Word

_Sequence = BigInteger().with_variant(Integer(), "sqlite")
_Payload = Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4"), "mysql", "mariadb")
OLDEST_FIRST = "ix_deliveries_consumer"

event_log = Table(
    "event_log",
    metadata,
    Column("seq", _Sequence, primary_key=True),
    Column("event_id", Id(), nullable=False, unique=True),
    Column("topic", Word(64), nullable=False),
    Column("stream", Word(160), nullable=False),
    Column("occurred_at", Instant(), nullable=False),
    Column("origin_at", Instant(), nullable=False),
    Column("producer", Word(32), nullable=False),
    Column("cause_id", Id()),
    Column("payload", _Payload, nullable=False),
    Index("ix_event_log_stream", "topic", "stream", "seq"),
    schema=TRANSACTIONS,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", _Sequence, primary_key=True),
    Column("consumer", Word(32), nullable=False),
    Column("topic", Word(64), nullable=False),
    Column("event_id", Id(), nullable=False),
    Index(OLDEST_FIRST, "consumer", "seq"),
    schema=TRANSACTIONS,
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("consumer", Word(32), primary_key=True),
    Column("topic", Word(64), primary_key=True),
    schema=TRANSACTIONS,
)
