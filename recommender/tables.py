"""Tables of the recommender: its proposals, and what it knows of the account."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Document, Id, Instant, Money, Word

trade_recommendations = Table(
    "trade_recommendations",
    metadata,
    Column("recommendation_id", Id(), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("side", Word(8), nullable=False),
    Column("purpose", Word(8), nullable=False),
    Column("status", Word(16), nullable=False),
    Column("decided_at", Instant(), nullable=False),
    Column("expires_at", Instant(), nullable=False),
    Column("price", Money(), nullable=False),
    Column("source", Word(32), nullable=False),
    Column("signal_id", Id()),
    Column("reason", Word(64), nullable=False),
    Column("payload", Document(), nullable=False),
    Column("verdict", Document()),
    Index("ix_trade_recommendations_status", "account", "status"),
    Index("ix_trade_recommendations_decided", "decided_at", "recommendation_id"),
    schema=TRANSACTIONS,
)

held_positions = Table(
    "held_positions",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("quantity", Money(), nullable=False),
    Column("decided_at", Instant()),
    Column("opened_at", Instant()),
    Column("horizon_at", Instant()),
    Column("kept", Money(), nullable=False),
    schema=TRANSACTIONS,
)

# ended orders stay: a late fact must not bring one back to life that the venue has ended
known_orders = Table(
    "known_orders",
    metadata,
    Column("client_order_id", Id(), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("recommendation_id", Id(), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("purpose", Word(8), nullable=False),
    Column("status", Word(16), nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("updated_at", Instant(), nullable=False),
    Index("ix_known_orders_open", "account", "is_open"),
    schema=TRANSACTIONS,
)

# what target weights ask for; a purchase waits here until the sales beside it have ended
rebalance_steps = Table(
    "rebalance_steps",
    metadata,
    Column("recommendation_id", Id(), primary_key=True),
    Column("rebalance_id", Id(), nullable=False),
    Column("account", Word(64), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("side", Word(8), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("price", Money(), nullable=False),
    Column("priced_at", Instant(), nullable=False),
    Column("wanted_at", Instant(), nullable=False),
    Column("actor", Word(64), nullable=False),
    Column("state", Word(16), nullable=False),
    Index("ix_rebalance_steps_state", "account", "state"),
    Index("ix_rebalance_steps_rebalance", "rebalance_id"),
    schema=TRANSACTIONS,
)

# how fresh the view of each account is; its row is the lock that decisions about it queue on
recommender_books = Table(
    "recommender_books",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("as_of", Instant()),
    Column("trading_state", Word(16)),
    Column("state_version", BigInteger),
    Column("is_rebalancing", Boolean),
    schema=TRANSACTIONS,
)

pending_signals = Table(
    "pending_signals",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("closed_at", Instant(), primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Id(), nullable=False),
    Column("occurred_at", Instant(), nullable=False),
    Column("origin_at", Instant(), nullable=False),
    Column("producer", Word(32), nullable=False),
    Column("payload", Document(), nullable=False),
    schema=TRANSACTIONS,
)
