"""Orders, what happened to them, and their fills; `order_events` and `fills` are append-only."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Document, Id, Instant, Money, Word

# `status`, `filled_quantity` and `venue_order_id` are caches of what `order_events` say;
# `open_quantity` is what of an entry's fills has not been sold, `is_held` whether that is anything
orders = Table(
    "orders",
    metadata,
    Column("client_order_id", Id(), primary_key=True),
    Column("decision_id", Id(), nullable=False, unique=True),
    Column("recommendation_id", Id(), nullable=False),
    Column("account", Word(64), nullable=False),
    Column("venue", Word(32), nullable=False),
    Column("venue_order_id", Word(64)),
    Column("symbol", Word(32), nullable=False),
    Column("interval", Word(8), nullable=False),
    Column("side", Word(8), nullable=False),
    Column("purpose", Word(8), nullable=False),
    Column("order_type", Word(8), nullable=False),
    Column("time_in_force", Word(8), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("price", Money(), nullable=False),
    Column("limit_price", Money(), nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("open_quantity", Money(), nullable=False),
    Column("anchor_price", Money()),
    Column("status", Word(16), nullable=False),
    Column("is_working", Boolean, nullable=False),
    Column("is_held", Boolean, nullable=False),
    Column("decided_at", Instant(), nullable=False),
    Column("expires_at", Instant(), nullable=False),
    Column("claimed_at", Instant(), nullable=False),
    Column("updated_at", Instant(), nullable=False),
    Column("horizon_at", Instant()),
    Column("bracket", Document()),
    Column("exit_reason", Word(32)),
    Column("parent", Id()),
    Column("request_digest", Word(64)),
    Column("detail", Text, nullable=False),
    Index("ix_orders_working", "account", "is_working"),
    Index("ix_orders_held", "account", "is_held"),
    Index("ix_orders_decided", "account", "decided_at", "client_order_id"),
    Index("ix_orders_recommendation", "recommendation_id"),
    schema=TRANSACTIONS,
)

order_events = Table(
    "order_events",
    metadata,
    Column("event_id", Id(), primary_key=True),
    Column("client_order_id", Id(), nullable=False),
    Column("kind", Word(24), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("payload", Document(), nullable=False),
    Index("ix_order_events_order", "client_order_id"),
    Index("ix_order_events_at", "kind", "at"),
    schema=TRANSACTIONS,
)

fills = Table(
    "fills",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("account", Word(64), primary_key=True),
    Column("trade_id", Word(64), primary_key=True),
    Column("client_order_id", Id(), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("side", Word(8), nullable=False),
    Column("purpose", Word(8), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("price", Money(), nullable=False),
    Column("reference_price", Money(), nullable=False),
    Column("fee", Money(), nullable=False),
    Column("fee_asset", Word(16), nullable=False),
    Column("liquidity", Word(8), nullable=False),
    Column("filled_at", Instant(), nullable=False),
    Column("recorded_at", Instant(), nullable=False),
    Index("ix_fills_order", "client_order_id"),
    Index("ix_fills_filled", "account", "filled_at", "trade_id"),
    schema=TRANSACTIONS,
)

# who may act on an account, for venues behind a network; the simulated venue needs none
lease = Table(
    "lease",
    metadata,
    Column("name", Word(64), primary_key=True),
    Column("holder", Word(128), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

# orders seen at a venue that are not ours
external_orders = Table(
    "external_orders",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("account", Word(64), primary_key=True),
    Column("venue_order_id", Word(64), primary_key=True),
    Column("client_order_id", Word(64)),
    Column("symbol", Word(32), nullable=False),
    Column("side", Word(8), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("seen_at", Instant(), nullable=False),
    Column("detail", Text, nullable=False),
    schema=TRANSACTIONS,
)
