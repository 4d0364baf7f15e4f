"""Orders, what happened to them, and their fills; `order_events` and `fills` are append-only."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

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
    Column("source", Word(32), nullable=False),
    Column("account", Word(64), nullable=False),
    Column("venue", Word(32), nullable=False),
    Column("venue_order_id", Word(64)),
    Column("symbol", Word(32), nullable=False),
    Column("interval", Word(8), nullable=False),
    Column("side", Word(8), nullable=False),
    Column("purpose", Word(8), nullable=False),
    Column("order_type", Word(16), nullable=False),
    Column("time_in_force", Word(8), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("price", Money(), nullable=False),
    Column("limit_price", Money(), nullable=False),
    Column("stop_price", Money()),
    Column("good_until", Instant()),
    Column("is_post_only", Boolean, nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("open_quantity", Money(), nullable=False),
    Column("anchor_price", Money()),
    Column("status", Word(16), nullable=False),
    Column("is_working", Boolean, nullable=False),
    Column("is_held", Boolean, nullable=False),
    Column("is_cancel_wanted", Boolean, nullable=False),
    Column("decided_at", Instant(), nullable=False),
    Column("expires_at", Instant(), nullable=False),
    Column("claimed_at", Instant()),
    Column("updated_at", Instant(), nullable=False),
    Column("horizon_at", Instant()),
    Column("bracket", Document()),
    Column("exit_reason", Word(32)),
    Column("parent", Id()),
    Column("detail", Text, nullable=False),
    # of the one request: who sent it, dated when, and how often the venue has not known it since
    # `final_after`, the instant after which it can no longer arrive
    Column("lease_token", BigInteger),
    Column("signed_at", Instant()),
    Column("final_after", Instant()),
    Column("misses", Integer, nullable=False, server_default="0"),
    Column("missed_at", Instant()),
    # the market when it was claimed, to which slippage and bracket are measured
    Column("reference_price", Money()),
    Index("ix_orders_working", "account", "is_working"),
    Index("ix_orders_held", "account", "is_held"),
    Index("ix_orders_decided", "account", "decided_at", "client_order_id"),
    # asked at every claim, every comparison, every fill and every tick: never by reading them all
    Index("ix_orders_claimed", "account", "claimed_at"),
    Index("ix_orders_updated", "account", "updated_at"),
    Index("ix_orders_venue", "account", "venue_order_id"),
    Index("ix_orders_parent", "account", "parent"),
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
    Column("trade_id", Word(128), primary_key=True),
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

# who may act on an account, for venues behind a network; the simulated venue needs none.
# The row is the lock, the token the fence: each taking over counts it up
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
    Column("symbol", Word(32), primary_key=True),  # ids count for each instrument apart
    Column("venue_order_id", Word(64), primary_key=True),
    Column("client_order_id", Word(64)),
    Column("side", Word(8), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("limit_price", Money()),
    Column("is_open", Boolean, nullable=False),
    Column("seen_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

# what the account had of each asset beside what our fills brought and took
balance_baselines = Table(
    "balance_baselines",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("account", Word(64), primary_key=True),
    Column("asset", Word(16), primary_key=True),
    Column("amount", Money(), nullable=False),
    Column("rounded_at", Instant()),
    Column("set_at", Instant(), nullable=False),
    Column("actor", Word(64), nullable=False),
    schema=TRANSACTIONS,
)

# instruments of which nothing more is bought until a person has looked
frozen_symbols = Table(
    "frozen_symbols",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("kind", Word(32), primary_key=True),
    Column("detail", Text, nullable=False),
    Column("frozen_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

# closes of candles up to which the account still has to be declared complete
due_marks = Table(
    "due_marks",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("as_of", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

# a person's word that this account may trade real money, for a time
live_consents = Table(
    "live_consents",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("fingerprint", Word(64), nullable=False),
    Column("actor", Word(64), nullable=False),
    Column("given_at", Instant(), nullable=False),
    Column("ends_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)
