"""Candles, what is traded, and how far the feed has come."""

from sqlalchemy import Boolean, Column, Table

from shared.db.base import PRICES, metadata
from shared.db.types import Instant, Money, Word

crypto_prices = Table(
    "crypto_prices",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("interval", Word(8), primary_key=True),
    Column("open_at", Instant(), primary_key=True),
    Column("open", Money(), nullable=False),
    Column("high", Money(), nullable=False),
    Column("low", Money(), nullable=False),
    Column("close", Money(), nullable=False),
    Column("volume", Money(), nullable=False),
    Column("is_filled", Boolean, nullable=False),
    Column("source", Word(32), nullable=False),
    schema=PRICES,
)

instruments = Table(
    "instruments",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("symbol", Word(32), primary_key=True),
    Column("base", Word(16), nullable=False),
    Column("quote", Word(16), nullable=False),
    Column("tick_size", Money(), nullable=False),
    Column("lot_size", Money(), nullable=False),
    Column("min_notional", Money(), nullable=False),
    schema=PRICES,
)

feed_progress = Table(
    "feed_progress",
    metadata,
    Column("venue", Word(32), primary_key=True),
    Column("interval", Word(8), primary_key=True),
    Column("source", Word(32), nullable=False),
    Column("closed_at", Instant(), nullable=False),
    schema=PRICES,
)
