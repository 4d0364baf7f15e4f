"""Tables of risk: verdicts, what they set aside, the caps, and its view of the account."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Document, Id, Instant, Money, Word

risk_decisions = Table(
    "risk_decisions",
    metadata,
    Column("decision_id", Id(), primary_key=True),
    Column("recommendation_id", Id(), nullable=False, unique=True),
    Column("account", Word(64), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("purpose", Word(8), nullable=False),
    Column("verdict", Word(16), nullable=False),
    Column("limits_version", Integer, nullable=False),
    Column("reasons", Document(), nullable=False),
    Column("sizing", Document(), nullable=False),
    Column("quantity", Money()),
    Column("limit_price", Money()),
    Column("expires_at", Instant()),
    Column("decided_at", Instant(), nullable=False),
    Column("reviewed_at", Instant(), nullable=False),
    Column("payload", Document(), nullable=False),
    Index("ix_risk_decisions_decided", "account", "decided_at", "decision_id"),
    schema=TRANSACTIONS,
)

# the row of scope "total" is the lock that everything about an account's exposure queues on
exposure_counters = Table(
    "exposure_counters",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("scope_kind", Word(32), primary_key=True),
    Column("scope_key", Word(32), primary_key=True),
    Column("cap", Money(), nullable=False),
    Column("reserved", Money(), nullable=False),
    Column("position", Money(), nullable=False),
    Column("external", Money(), nullable=False),
    Column("version", BigInteger, nullable=False),
    schema=TRANSACTIONS,
)

reservations = Table(
    "reservations",
    metadata,
    Column("decision_id", Id(), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("purpose", Word(8), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("unit_cost", Money(), nullable=False),
    Column("unit_loss", Money(), nullable=False),
    Column("source", Word(32), nullable=False),
    Column("amount", Money(), nullable=False),
    Column("state", Word(16), nullable=False),
    Column("order_status", Word(16)),
    Column("changed_at", Instant(), nullable=False),
    Index("ix_reservations_state", "account", "state"),
    schema=TRANSACTIONS,
)

risk_limits = Table(
    "risk_limits",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("limits", Document(), nullable=False),
    Column("actor", Word(64), nullable=False),
    Column("created_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

risk_book = Table(
    "risk_book",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("as_of", Instant(), nullable=False),
    Column("equity", Money(), nullable=False),
    Column("cash", Money(), nullable=False),
    Column("peak_equity", Money(), nullable=False),
    Column("day_start_equity", Money(), nullable=False),
    Column("funds", Document()),
    schema=TRANSACTIONS,
)

# what fills took of the cash, until a mark contains them
risk_spending = Table(
    "risk_spending",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("spending", Document(), nullable=False),
    schema=TRANSACTIONS,
)

# closed positions stay, with quantity zero: the portfolio's figure for their last fill is to come
risk_positions = Table(
    "risk_positions",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("quantity", Money(), nullable=False),
    Column("price", Money(), nullable=False),
    Column("trade_id", Word(128)),
    Column("source", Word(32), nullable=False),
    schema=TRANSACTIONS,
)

symbol_locks = Table(
    "symbol_locks",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("reason", Word(255), nullable=False),
    Column("actor", Word(64), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("expires_at", Instant()),
    schema=TRANSACTIONS,
)

# the open orders on the account that are not ours, as last seen; none are a row as well
external_exposure = Table(
    "external_exposure",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("venue", Word(32), primary_key=True),
    Column("seen_at", Instant(), nullable=False),
    Column("orders", Document(), nullable=False),
    schema=TRANSACTIONS,
)

# the closes that correlations and volatility are of, one row per instrument; `digest` is theirs
risk_tapes = Table(
    "risk_tapes",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("timeframe", Word(8), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("closed_at", Instant(), nullable=False),
    Column("closes", Document(), nullable=False),
    Column("digest", Word(64), nullable=False),
    Column("price", Money(), nullable=False),
    Column("traded_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

risk_quotes = Table(
    "risk_quotes",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("venue", Word(32), nullable=False),
    Column("bid", Money(), nullable=False),
    Column("ask", Money(), nullable=False),
    Column("seen_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

risk_trips = Table(
    "risk_trips",
    metadata,
    Column("trip_id", Word(192), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("closed_at", Instant(), nullable=False),
    Column("is_win", Boolean, nullable=False),
    Column("pnl", Money(), nullable=False),
    Index("ix_risk_trips_closed", "account", "closed_at", "trip_id"),
    schema=TRANSACTIONS,
)

# how each order stood by the latest fact of it: what the share of failures is counted from
risk_outcomes = Table(
    "risk_outcomes",
    metadata,
    Column("client_order_id", Id(), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("status", Word(16), nullable=False),
    Column("filled_quantity", Money(), nullable=False),
    Column("changed_at", Instant(), nullable=False),
    Index("ix_risk_outcomes_changed", "account", "changed_at", "status"),
    schema=TRANSACTIONS,
)
