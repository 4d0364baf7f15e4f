"""Tables of the signal generator."""

from typing import Any

from sqlalchemy import Boolean, Column, Float, Index, Integer, Table, UniqueConstraint

from shared.db.base import PRICES, metadata
from shared.db.types import Blob, Document, Id, Instant, Money, Word


def _said(*, is_by_a_release: bool) -> tuple[Column[Any], ...]:
    """Return the columns of a signal: the same whether it was said or only whispered."""
    return (
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
        Column("release_id", Word(96), nullable=not is_by_a_release),
        Column("barrier_ratio", Float(53)),
        Column("price", Money(), nullable=False),
        Column("edge", Document()),
        Column("bracket", Document()),
    )


# one row per instrument and closed candle, refused ones too: they mature into labels as well.
# features: float32, NaN allowed; carry: what the feature engine continues from after a restart;
# contributions: what moved the model, where it is to act. Rows are never changed.
ml_signals = Table(
    "ml_signals",
    metadata,
    *_said(is_by_a_release=False),
    Column("contributions", Document()),
    Column("features", Blob(), nullable=False),
    Column("carry", Blob(), nullable=False),
    UniqueConstraint("symbol", "interval", "closed_at", name="uq_ml_signals_candle"),
    Index("ix_ml_signals_closed", "closed_at", "signal_id"),
    schema=PRICES,
)

# what became of a signal's trade by the label's rule, once its horizon had passed; append-only.
# ended_at, hit, gross and net are null where candles were missing: such a signal has no label.
# is_counted: training would have learned from it; is_bet: it would have been bought
ml_outcomes = Table(
    "ml_outcomes",
    metadata,
    Column("signal_id", Id(), primary_key=True),
    Column("release_id", Word(96), primary_key=True),
    Column("role", Word(16), nullable=False),
    Column("symbol", Word(32), nullable=False),
    Column("interval", Word(8), nullable=False),
    Column("closed_at", Instant(), nullable=False),
    Column("ended_at", Instant()),
    Column("hit", Integer),
    Column("gross", Float(53)),
    Column("net", Float(53)),
    Column("probability", Float(53), nullable=False),
    Column("barrier_ratio", Float(53), nullable=False),
    Column("is_bet", Boolean, nullable=False),
    Column("is_counted", Boolean, nullable=False),
    Index("ix_ml_outcomes_release", "symbol", "release_id", "closed_at"),
    schema=PRICES,
)

# how each release in service stood about each instrument on each day; append-only, newest in force
model_health = Table(
    "model_health",
    metadata,
    Column("symbol", Word(32), primary_key=True),
    Column("release_id", Word(96), primary_key=True),
    Column("day", Instant(), primary_key=True),
    Column("role", Word(16), nullable=False),
    Column("judged_at", Instant(), nullable=False),
    Column("state", Word(8), nullable=False),
    Column("red_since", Instant()),
    Column("remedy", Word(16), nullable=False),
    Column("drift_factor", Float(53), nullable=False),
    Column("live_factor", Float(53), nullable=False),
    Column("average_win", Float(53)),
    Column("average_loss", Float(53)),
    Column("age_days", Float(53), nullable=False),
    Column("alarms", Document(), nullable=False),
    Column("drift", Document()),
    Column("live", Document()),
    Index("ix_model_health_day", "day"),
    schema=PRICES,
)

# what a release in the shadow would have said about the same vectors: judged, never said. Rows are
# never changed either.
ml_shadow_signals = Table(
    "ml_shadow_signals",
    metadata,
    *_said(is_by_a_release=True),
    UniqueConstraint(
        "symbol", "interval", "closed_at", "release_id", name="uq_ml_shadow_signals_candle"
    ),
    Index("ix_ml_shadow_signals_closed", "closed_at", "signal_id"),
    schema=PRICES,
)
