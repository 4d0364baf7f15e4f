"""Tables of the signal generator."""

from sqlalchemy import Column, Float, Index, Table, UniqueConstraint

from shared.db.base import PRICES, metadata
from shared.db.types import Blob, Document, Id, Instant, Money, Word

# one row per instrument and closed candle, refused ones too: they mature into labels as well.
# features: float32, NaN allowed; carry: what the feature engine continues from after a restart
ml_signals = Table(
    "ml_signals",
    metadata,
    Column("signal_id", Id(), primary_key=True),
    Column("symbol", Word(32), nullable=False),
    Column("interval", Word(8), nullable=False),
    Column("closed_at", Instant(), nullable=False),
    Column("expires_at", Instant(), nullable=False),
    Column("action", Word(8), nullable=False),
    Column("probability_raw", Float(53)),
    Column("probability", Float(53)),
    Column("confidence", Float(53), nullable=False),
    Column("coverage", Float(53), nullable=False),
    Column("reasons", Document(), nullable=False),
    Column("release_id", Word(96)),
    Column("barrier_ratio", Float(53)),
    Column("price", Money(), nullable=False),
    Column("edge", Document()),
    Column("bracket", Document()),
    Column("features", Blob(), nullable=False),
    Column("carry", Blob(), nullable=False),
    UniqueConstraint("symbol", "interval", "closed_at", name="uq_ml_signals_candle"),
    Index("ix_ml_signals_closed", "closed_at", "signal_id"),
    schema=PRICES,
)
