"""What a release says about itself: `manifest.json` and the names of its files."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, Self, TypeAlias

import msgspec

from shared.domain.candle import references_of
from shared.domain.enums import Interval
from shared.domain.ids import Symbol

FORMAT_VERSION = 1
GLOBAL = "GLOBAL"
RELEASE_ID = re.compile(
    r"(?P<scope>[A-Z0-9]{2,20})_(?P<dataset>full_dataset|recent_\d+d)_(?P<device>cpu|gpu)"
    r"_xgboost_model_(?P<date>\d{8})_(?P<time>\d{6})"
)

BOOSTER = "booster.ubj"
CALIBRATOR = "calibrator.json"
PAYOFF = "payoff.json"
METRICS = "metrics.json"
FEATURES = "features.json"
SELF_TEST = "self_test.json"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
FILES = (BOOSTER, CALIBRATOR, PAYOFF, METRICS, FEATURES, SELF_TEST)

BOOSTER_GLOBAL = "booster_global.ubj"
EVALUATION = "evaluation.json"
GATE = "gate.json"
DRIFT = "drift.json"
REPORT = "report.html"
CARD = "card.md"
OPTIONAL_FILES = (BOOSTER_GLOBAL, EVALUATION, GATE, DRIFT, REPORT, CARD)

Kind = Literal["global", "own", "blend"]
Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Ratio: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=0.1)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
Multiple: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=1_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedMarket:
    """What candles a model is made of and asked about; a release serves only the market it knows.

    `references` names for each instrument the one whose market it is measured against.
    """

    venue: str
    interval: Interval
    references: Mapping[Symbol, Symbol]

    @classmethod
    def of(cls, venue: str, interval: Interval, symbols: Collection[Symbol]) -> Self:
        """Return the market of all instruments that are traded together."""
        references = dict(references_of(tuple(sorted(symbols))))
        return cls(venue=venue, interval=interval, references=references)

    def only(self, symbols: Collection[Symbol]) -> "TradedMarket":
        """Return the market of some instruments, each measured against what it was before."""
        return TradedMarket(
            venue=self.venue,
            interval=self.interval,
            references={symbol: self.references[symbol] for symbol in sorted(symbols)},
        )

    @property
    def needed(self) -> tuple[Symbol, ...]:
        """Return the instruments whose candles it takes: its own and their references."""
        return tuple(sorted({*self.references, *self.references.values()}))


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule:
    """The trade learned: barriers in units of sigma sqrt(horizon), costs as ratios per side."""

    horizon: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 24
    k_target: Multiple = 1.0
    k_stop: Multiple = 1.0
    fee_ratio: Ratio = 0.001
    slippage_ratio: Ratio = 0.0005
    kind: Literal["triple_barrier"] = "triple_barrier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows of one part of the split; instants are those of the first and last decision."""

    first_at: Instant
    last_at: Instant
    rows: Count
    n_effective: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    sha256: str
    bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`kind` says where the booster comes from; `files` lists every other file of the release.

    `references` names for each of `symbols` the instrument it was measured against.
    `trained_until` is when the last outcome used, holdout included, was known: what the model says
    about earlier candles is hindsight. From `expires_at` on it is not served; None is never.
    `trials` counts every configuration that was tried on these candles; `gate_passed` is None where
    no gate was asked.
    """

    release_id: str
    scope: str
    symbols: tuple[Symbol, ...]
    venue: str
    references: dict[Symbol, Symbol]
    kind: Kind
    created_at: Instant
    trained_until: Instant
    interval_seconds: int
    schema_hash: str
    label: LabelRule
    windows: dict[str, Window]
    data_fingerprint: str
    params: dict[str, str | int | float]
    seed: int
    rounds: int
    device_requested: str
    device: str
    versions: dict[str, str]
    platform: str
    files: dict[str, FileEntry]
    format_version: int = FORMAT_VERSION
    side: Literal["long"] = "long"
    parent_id: str | None = None
    expires_at: Instant | None = None
    trials: Count = 0
    gate_passed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSheet:
    """Per column: name, share missing in training, and the range of 99.8 % of the training rows."""

    names: tuple[str, ...]
    missing_rate: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """Inputs and the probabilities that the trainer got for them; None is a missing value."""

    vectors: tuple[tuple[float | None, ...], ...] = field(default=())
    probabilities: tuple[float, ...] = field(default=())


def scope_of(symbol: Symbol) -> str:
    """Return the folder name of an instrument's models: BTC-USDT is BTCUSDT."""
    return symbol.replace("-", "")


def release_id(scope: str, dataset: str, device: str, created_at: datetime) -> str:
    return f"{scope}_{dataset}_{device}_xgboost_model_{created_at:%Y%m%d_%H%M%S}"
