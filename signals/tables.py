"""Tables of the signals service."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, Table

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Document, Id, Instant, Money, Word

signals = Table(
    "signals",
    metadata,
    Column("signal_id", Id(), primary_key=True),
    Column("source", Word(32), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("interval", Word(8), nullable=False),
    Column("closed_at", Instant(), nullable=False),
    Column("expires_at", Instant(), nullable=False),
    Column("action", Word(8), nullable=False),
    Column("confidence", Float(53), nullable=False),
    Column("price", Money(), nullable=False),
    Column("probability", Float(53)),
    Column("reasons", Document(), nullable=False),
    Column("payload", Document(), nullable=False),
    Index("ix_signals_closed", "closed_at", "signal_id"),
    Index("ix_signals_latest", "symbol", "interval", "source", "closed_at"),
    schema=TRANSACTIONS,
)

signal_sources = Table(
    "signal_sources",
    metadata,
    Column("source", Word(32), primary_key=True),
    Column("weight", Float(53), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("updated_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

# what the baseline carries from candle to candle: a restart goes on where the last commit stood
rule_states = Table(
    "rule_states",
    metadata,
    Column("symbol", Word(32), primary_key=True),
    Column("interval", Word(8), primary_key=True),
    Column("closed_at", Instant(), nullable=False),
    Column("carry", Document(), nullable=False),
    schema=TRANSACTIONS,
)

# one half of a shard's opinions, waiting for the other: the baseline's with the weights in force
# at its candle, the models' with the head of the fact that will be the cause of what follows
signal_parts = Table(
    "signal_parts",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("interval", Word(8), primary_key=True),
    Column("closed_at", Instant(), primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("source", Word(32), primary_key=True),
    Column("weights", Document()),
    Column("event_id", Id()),
    Column("occurred_at", Instant()),
    Column("origin_at", Instant()),
    Column("producer", Word(32)),
    Column("payload", Document(), nullable=False),
    schema=TRANSACTIONS,
)
