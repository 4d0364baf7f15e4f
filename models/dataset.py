"""From candles to rows a booster learns from: features, labels, and what may be trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.features import GROUPS, barrier_ratios, batch, coverage_of
from models.labels import Cost, label_uniqueness, triple_barrier
from models.manifest import LabelRule, TradedMarket
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]
_MASKED_SHARE = 0.10
_MAX_MASKED_COLUMNS = 8
_CLOSE, _VOLUME = 3, 4
_CHECK_REMEDY = "run `trading data check`"
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CandleArrays:
    """One instrument's candles by closing time: seconds (n,), OHLCV (n, 5), filled marks (n,)."""

    symbol: Symbol
    closed_at: Instants
    ohlcv: Floats
    is_filled: NDArray[np.bool_]

    def between(self, first: int, last: int) -> "CandleArrays":
        """Return the candles that closed in [first, last]."""
        start, stop = np.searchsorted(self.closed_at, (first, last + 1))
        return self.taken(np.arange(start, stop))

    def taken(self, rows: NDArray[np.intp]) -> "CandleArrays":
        return CandleArrays(
            symbol=self.symbol,
            closed_at=self.closed_at[rows],
            ohlcv=self.ohlcv[rows],
            is_filled=self.is_filled[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingSet:
    """One row per candle a trade could be decided on, ordered by instrument, then by time.

    `vectors` (m, 86) float32, as the booster compares them; `symbol_index` points into `symbols`;
    `closed_at` is when the trade is decided, `label_end_at` when its outcome is known (seconds).
    """

    symbols: tuple[Symbol, ...]
    fingerprint: str
    symbol_index: NDArray[np.int64]
    closed_at: Instants
    label_end_at: Instants
    vectors: NDArray[np.float32]
    y: NDArray[np.int8]
    gross: Floats
    net: Floats
    barrier: Floats
    uniqueness: Floats

    def __len__(self) -> int:
        return len(self.y)

    def of(self, symbol: Symbol) -> NDArray[np.bool_]:
        """Return which rows belong to the instrument."""
        return self.symbol_index == self.symbols.index(symbol)


def training_set(
    data: Mapping[Symbol, CandleArrays], rule: LabelRule, market: TradedMarket
) -> TrainingSet:
    """Compute features and labels of the market's instruments; keep what may be learned from.

    Left out: filled candles and those whose next one is filled (nothing traded to enter on),
    vectors the coverage rule refuses, barriers too narrow for their costs, trades still open.

    Raises:
        BadInput: candles that are not on the grid of the interval, out of order, or not candles.
    """
    symbols = tuple(sorted(market.references))
    parts = [
        _rows_of(data[symbol], data[market.references[symbol]], rule, market.interval.seconds)
        for symbol in symbols
    ]

    def joined(column: str, dtype: type[_Scalar]) -> NDArray[_Scalar]:
        pieces = [np.asarray(part[column], dtype=dtype) for part in parts]
        return np.concatenate(pieces) if pieces else np.empty(0, dtype=dtype)

    counts = [len(part["y"]) for part in parts]
    return TrainingSet(
        symbols=symbols,
        fingerprint=data_fingerprint(data),
        symbol_index=np.repeat(np.arange(len(symbols)), counts),
        closed_at=joined("closed_at", np.int64),
        label_end_at=joined("label_end_at", np.int64),
        vectors=joined("vectors", np.float32),
        y=joined("y", np.int8),
        gross=joined("gross", np.float64),
        net=joined("net", np.float64),
        barrier=joined("barrier", np.float64),
        uniqueness=joined("uniqueness", np.float64),
    )


def data_fingerprint(data: Mapping[Symbol, CandleArrays]) -> str:
    """Return the sha256 of every candle used, little-endian, instruments in order."""
    digest = sha256()
    for symbol in sorted(data):
        candles = data[symbol]
        digest.update(f"{symbol}\0{len(candles.closed_at)}\0".encode())
        digest.update(candles.closed_at.astype("<i8").tobytes())
        digest.update(np.ascontiguousarray(candles.ohlcv, dtype="<f8").tobytes())
        digest.update(candles.is_filled.astype("u1").tobytes())
    return digest.hexdigest()


def on_grid(candles: CandleArrays, step: int) -> CandleArrays:
    """Return one candle per period from the first to the last, bridging periods without one.

    A bridge is flat at the last close, has no volume and is marked.
    """
    first, last = int(candles.closed_at[0]), int(candles.closed_at[-1])
    closed_at = np.arange(first, last + 1, step, dtype=np.int64)
    source = np.searchsorted(candles.closed_at, closed_at, side="right") - 1
    nearest = candles.taken(source)
    is_bridge = nearest.closed_at != closed_at
    ohlcv = nearest.ohlcv
    ohlcv[is_bridge, :_VOLUME] = ohlcv[is_bridge, _CLOSE, np.newaxis]
    ohlcv[is_bridge, _VOLUME] = 0.0
    return CandleArrays(
        symbol=candles.symbol,
        closed_at=closed_at,
        ohlcv=ohlcv,
        is_filled=nearest.is_filled | is_bridge,
    )


def is_usable(vectors: Floats) -> NDArray[np.bool_]:
    """Return which rows the coverage rule lets pass; only missing values matter to it."""
    finite = np.isfinite(vectors)
    packed = np.packbits(finite, axis=1)
    _, first, pattern = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    verdicts = np.array([not coverage_of(vectors[row]).refusals for row in first], dtype=np.bool_)
    return verdicts[pattern.reshape(-1)] if len(first) else np.empty(0, dtype=np.bool_)


def with_holes(vectors: NDArray[np.float32], fingerprint: str) -> NDArray[np.float32]:
    """Return a copy in which one row in ten lacks what live rows may lack.

    A booster handles missing values only as far as training showed it some. Masks are drawn from
    the data's fingerprint: the candle shape, or 1 to 8 columns; one that would be refused live is
    left out.
    """
    draw = np.random.default_rng(int(fingerprint[:16], 16))
    shape = np.array([group == "B" for group in GROUPS])
    holed = vectors.copy()
    rows = np.flatnonzero(draw.random(len(vectors)) < _MASKED_SHARE)
    for row in rows:
        candidate = holed[row].copy()
        if draw.random() < 0.5:
            candidate[shape] = np.nan
        else:
            count = int(draw.integers(1, _MAX_MASKED_COLUMNS + 1))
            candidate[draw.choice(len(candidate), count, replace=False)] = np.nan
        if not coverage_of(candidate.astype(np.float64)).refusals:
            holed[row] = candidate
    return holed


def _rows_of(
    candles: CandleArrays, reference: CandleArrays, rule: LabelRule, step: int
) -> dict[str, NDArray[np.generic]]:
    for one in (candles, reference):
        check_candles(one, step)
    own = on_grid(candles, step)
    aligned = beside(own, reference).ohlcv
    if np.isnan(aligned).all():
        raise BadInput(
            str(own.symbol),
            f"shares no period with its reference {reference.symbol}",
            "give candles of the same time",
        )
    vectors = batch(own.ohlcv, aligned, own.closed_at, own.is_filled)
    barrier = barrier_ratios(vectors, rule.horizon)
    cost = Cost(fee_ratio=rule.fee_ratio, slippage_ratio=rule.slippage_ratio)
    labels = triple_barrier(own.ohlcv, barrier, rule.horizon, rule.k_target, rule.k_stop, cost=cost)
    can_enter = ~own.is_filled & ~np.append(own.is_filled[1:], True)
    is_kept = labels.is_labelled & labels.is_tradeable & can_enter
    rows = np.flatnonzero(is_kept)
    rows = rows[is_usable(vectors[rows])]
    return {
        "closed_at": own.closed_at[rows],
        "label_end_at": own.closed_at[labels.end_index[rows]],
        "vectors": np.where(np.isfinite(vectors[rows]), vectors[rows], np.nan).astype(np.float32),
        "y": labels.y[rows],
        "gross": labels.gross[rows],
        "net": labels.net[rows],
        "barrier": barrier[rows],
        "uniqueness": label_uniqueness(labels)[rows],
    }


def beside(own: CandleArrays, reference: CandleArrays) -> CandleArrays:
    """Return the reference's candles at the instants of `own`: NaN where it has none."""
    place = np.searchsorted(reference.closed_at, own.closed_at)
    place = np.minimum(place, len(reference.closed_at) - 1)
    is_there = reference.closed_at[place] == own.closed_at
    return CandleArrays(
        symbol=reference.symbol,
        closed_at=own.closed_at,
        ohlcv=np.where(is_there[:, np.newaxis], reference.ohlcv[place], np.nan),
        is_filled=~is_there | reference.is_filled[place],
    )


def check_candles(candles: CandleArrays, step: int) -> None:
    """Refuse what no feature could be computed from.

    Raises:
        BadInput: no candles, columns of different length, instants that are out of order or off the
            grid, or prices that are none.
    """
    count, name = len(candles.closed_at), str(candles.symbol)
    if count == 0:
        raise BadInput(name, "has no candles", "import or generate some")
    if candles.ohlcv.shape != (count, 5) or len(candles.is_filled) != count:
        raise BadInput(name, "columns differ in length", "give one row per candle")
    if (np.diff(candles.closed_at) <= 0).any() or (candles.closed_at % step != 0).any():
        raise BadInput(
            name, f"candles are out of order or off the {step}-second grid", _CHECK_REMEDY
        )
    is_candle = _are_candles(candles.ohlcv)
    if not is_candle.all():
        closed_at = datetime.fromtimestamp(int(candles.closed_at[np.argmin(is_candle)]), UTC)
        raise BadInput(
            name, f"what closed at {closed_at:%Y-%m-%d %H:%M} is no candle", _CHECK_REMEDY
        )


def _are_candles(ohlcv: Floats) -> NDArray[np.bool_]:
    open_, high, low, close, volume = ohlcv.T
    is_whole = np.isfinite(ohlcv).all(axis=1) & (low > 0) & (volume >= 0)
    return is_whole & (high >= np.maximum(open_, close)) & (low <= np.minimum(open_, close))
