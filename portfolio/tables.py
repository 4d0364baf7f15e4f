"""The books as rows."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint

from shared.db.base import TRANSACTIONS, metadata
from shared.db.types import Id, Instant, Money, Word

positions = Table(
    "portfolio_positions",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("quantity", Money(), nullable=False),
    Column("cost_basis", Money(), nullable=False),
    Column("average_cost", Money(), nullable=False),
    Column("realized_pnl", Money(), nullable=False),
    Column("fees", Money(), nullable=False),
    Column("opened_at", Instant()),
    # what was sold and nobody had, what it brought, and until when a purchase explains it
    Column("unexplained", Money(), nullable=False),
    Column("unexplained_proceeds", Money(), nullable=False),
    Column("last_sold_at", Instant()),
    Column("updated_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

# `free` is what is traded with, `aside` what else lies on the account, `fees` what was paid so far
balances = Table(
    "balances",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("asset", Word(16), primary_key=True),
    Column("free", Money(), nullable=False),
    Column("aside", Money(), nullable=False),
    Column("fees", Money(), nullable=False),
    schema=TRANSACTIONS,
)

# the lock of an account's books, and how many bookings they have; `contributed` is what was put in
# beside trading, in quote, `unmarked` what of it came or went since the last mark
accounts = Table(
    "portfolio_accounts",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("bookings", BigInteger, nullable=False),
    Column("contributed", Money(), nullable=False),
    Column("unmarked", Money(), nullable=False),
    schema=TRANSACTIONS,
)

# append-only: everything else here follows from these rows, in their order; `worth` is what one
# put into trading beside fills, in the quote that everything is valued in
bookings = Table(
    "portfolio_bookings",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Word(16), nullable=False),
    Column("source_id", Word(192), nullable=False),
    Column("asset", Word(16), nullable=False),
    Column("amount", Money(), nullable=False),
    Column("counterparty", Word(96), nullable=False),
    Column("symbol", Word(32)),
    Column("price", Money()),
    Column("purse", Word(16), nullable=False),
    Column("fee", Money(), nullable=False),
    Column("fee_asset", Word(16), nullable=False),
    Column("fee_price", Money()),
    Column("fee_purse", Word(16), nullable=False),
    Column("exit_reason", Word(32)),
    Column("worth", Money(), nullable=False),
    # of a fill: the market before slippage, who believed in it, and the verdict it was made for
    Column("reference_price", Money()),
    Column("origin", Word(32), nullable=False),
    Column("decision_id", Id()),
    Column("booked_at", Instant(), nullable=False),
    UniqueConstraint("account", "kind", "source_id", name="uq_portfolio_bookings_source"),
    schema=TRANSACTIONS,
)

# what people say moved beside our fills; what is pending has changed nothing
movements = Table(
    "portfolio_movements",
    metadata,
    Column("movement_id", Id(), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("kind", Word(16), nullable=False),
    Column("status", Word(16), nullable=False),
    Column("asset", Word(16), nullable=False),
    Column("amount", Money(), nullable=False),
    Column("symbol", Word(32)),
    Column("price", Money()),
    Column("purse", Word(16), nullable=False),
    Column("is_internal", Boolean, nullable=False),
    Column("fee", Money(), nullable=False),
    Column("fee_asset", Word(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("moved_at", Instant(), nullable=False),
    Column("asked_by", Word(64), nullable=False),
    Column("asked_at", Instant(), nullable=False),
    Column("settled_by", Word(64)),
    Column("settled_at", Instant()),
    Index("ix_portfolio_movements_asked", "account", "asked_at", "movement_id"),
    schema=TRANSACTIONS,
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("booking", BigInteger, primary_key=True, autoincrement=False),
    Column("leg", Integer, primary_key=True, autoincrement=False),
    Column("holder", Word(96), nullable=False),
    Column("asset", Word(16), nullable=False),
    Column("amount", Money(), nullable=False),
    Column("source_kind", Word(16), nullable=False),
    Column("source_id", Word(192), nullable=False),
    Column("booked_at", Instant(), nullable=False),
    UniqueConstraint("account", "source_kind", "source_id", "leg", name="uq_ledger_entries_source"),
    Index("ix_ledger_entries_holder", "holder", "asset"),
    schema=TRANSACTIONS,
)

equity_points = Table(
    "equity_points",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("as_of", Instant(), primary_key=True),
    Column("equity", Money(), nullable=False),
    Column("cash", Money(), nullable=False),
    Column("invested", Money(), nullable=False),
    Column("peak_equity", Money(), nullable=False),
    Column("day_start_equity", Money(), nullable=False),
    Column("drawdown_ratio", Money(), nullable=False),
    Column("realized_pnl", Money(), nullable=False),
    Column("unrealized_pnl", Money(), nullable=False),
    Column("fees", Money(), nullable=False),
    Column("contributed", Money(), nullable=False),
    schema=TRANSACTIONS,
)

tax_lots = Table(
    "tax_lots",
    metadata,
    Column("lot_id", Word(192), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("acquired_at", Instant(), nullable=False),
    Column("quantity", Money(), nullable=False),
    Column("remaining", Money(), nullable=False),
    Column("cost", Money(), nullable=False),
    Column("remaining_cost", Money(), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Index("ix_tax_lots_open", "account", "symbol", "is_open"),
    schema=TRANSACTIONS,
)

round_trips = Table(
    "round_trips",
    metadata,
    Column("trip_id", Word(192), primary_key=True),
    Column("account", Word(64), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("opened_at", Instant(), nullable=False),
    Column("closed_at", Instant()),
    Column("bought", Money(), nullable=False),
    Column("sold", Money(), nullable=False),
    Column("cost", Money(), nullable=False),
    Column("proceeds", Money(), nullable=False),
    Column("fees", Money(), nullable=False),
    Column("slippage", Money(), nullable=False),
    Column("exit_reason", Word(32)),
    Column("origin", Word(32), nullable=False),
    Column("decision_id", Id()),
    Index("ix_round_trips_closed", "account", "closed_at", "trip_id"),
    Index("ix_round_trips_symbol", "account", "symbol", "closed_at"),
    schema=TRANSACTIONS,
)

marks = Table(
    "portfolio_marks",
    metadata,
    Column("symbol", Word(32), primary_key=True),
    Column("price", Money(), nullable=False),
    Column("closed_at", Instant(), nullable=False),
    schema=TRANSACTIONS,
)

progress = Table(
    "portfolio_progress",
    metadata,
    Column("account", Word(64), primary_key=True),
    Column("as_of", Instant(), primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("stage", Word(16), primary_key=True),
    schema=TRANSACTIONS,
)
