"""One pooled booster, then one release per instrument: its own trees where these are better."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np

from models.booster import BoosterParams
from models.candidate import Candidate, Study, adapted, better, fit
from models.dataset import CandleArrays, training_set
from models.features import LOOKBACK
from models.manifest import GLOBAL, RELEASE_ID, LabelRule, TradedMarket, release_id, scope_of
from models.registry import Registry
from models.release import ReleaseInfo, Run, Scope, release
from models.splits import Shares, time_split
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

Progress: TypeAlias = Callable[[str, float], None]

_SECONDS_PER_DAY = 86_400
_ROWS_DONE, _POOLED_DONE = 0.3, 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """`until` cuts the candles; `min_effective_labels` is what an instrument's own trees need.

    `market` names the instruments to learn about; their references only stand beside them.
    `dataset` is full_dataset or recent_<n>d and names the release; `publish` makes it champion.
    """

    market: TradedMarket
    label: LabelRule = field(default_factory=LabelRule)
    booster: BoosterParams = field(default_factory=BoosterParams)
    shares: Shares = field(default_factory=Shares)
    until: datetime | None = None
    dataset: str = "full_dataset"
    min_effective_labels: float = 1_500.0
    publish: bool = True


def train_models(
    data: Mapping[Symbol, CandleArrays],
    config: TrainingConfig,
    root: Path,
    now: datetime,
    progress: Progress,
) -> list[ReleaseInfo]:
    """Train GLOBAL and one release per instrument under `root`, and make them champions.

    The same candles, configuration and `now` give the same files. `progress` hears what was done
    and the share of the work behind.

    Raises:
        BadInput: candles or configuration that cannot be learned from.
    """
    run = _run(config, root, now)
    study = _study(_cut(data, config), config)
    symbols = study.rows.symbols
    progress(f"{len(study.rows)} rows of {len(symbols)} instruments", _ROWS_DONE)
    everyone = Scope(name=GLOBAL, symbols=symbols, rows=np.ones(len(study.rows), dtype=np.bool_))
    pooled = fit(study, everyone.rows, "global", config.booster, run.identity(GLOBAL))
    infos = [release(run, study, everyone, pooled)]
    progress(f"{GLOBAL}: {pooled.grown.rounds} trees", _POOLED_DONE)
    for done, symbol in enumerate(symbols, start=1):
        scope = Scope(name=scope_of(symbol), symbols=(symbol,), rows=study.rows.of(symbol))
        chosen = _chosen(run, study, scope, pooled, config.min_effective_labels)
        infos.append(release(run, study, scope, chosen))
        share = done / len(symbols)
        progress(f"{symbol}: {chosen.kind}", _POOLED_DONE + (1 - _POOLED_DONE) * share)
    if config.publish:
        registry = Registry(root)
        for info in infos:
            registry.publish(info.scope, info.release_id)
    return infos


def _chosen(
    run: Run, study: Study, scope: Scope, pooled: Candidate, min_effective_labels: float
) -> Candidate:
    """Return the instrument's own trees where there is enough to grow them and they are better."""
    mine, split = scope.rows, study.split
    shared = adapted(pooled, study, mine)
    labels = study.n_effective((split.train | split.stopping) & mine)
    is_alone = len(study.rows.symbols) == 1
    if is_alone or labels < min_effective_labels or not study.can_fit(mine):
        return shared
    own = fit(study, mine, "own", run.booster, run.identity(scope.name), pooled.payoff)
    return better(own, shared, study, mine)


def _run(config: TrainingConfig, root: Path, now: datetime) -> Run:
    created_at = now.astimezone(UTC)
    if not RELEASE_ID.fullmatch(release_id(GLOBAL, config.dataset, "cpu", created_at)):
        raise BadInput("dataset", f"{config.dataset!r}", "say full_dataset or recent_<days>d")
    return Run(
        root=root,
        dataset=config.dataset,
        created_at=created_at,
        market=config.market,
        label=config.label,
        booster=config.booster,
    )


def _cut(
    data: Mapping[Symbol, CandleArrays], config: TrainingConfig
) -> Mapping[Symbol, CandleArrays]:
    """Return the candles up to `until`, of a recent dataset only its days and the warm-up."""
    empty = [one for one in config.market.needed if one not in data or not len(data[one].closed_at)]
    if empty or not data:
        raise BadInput("candles", f"there are none of {empty or 'any'}", "import or generate some")
    used = {symbol: data[symbol] for symbol in config.market.needed}
    first = min(int(candles.closed_at[0]) for candles in used.values())
    until = max(int(candles.closed_at[-1]) for candles in used.values())
    if config.until is not None:
        until = min(until, int(config.until.timestamp()))
    if config.dataset != "full_dataset":
        days = int(config.dataset.removeprefix("recent_").removesuffix("d"))
        first = until - days * _SECONDS_PER_DAY - LOOKBACK * config.market.interval.seconds
    return {symbol: candles.between(first, until) for symbol, candles in used.items()}


def _study(data: Mapping[Symbol, CandleArrays], config: TrainingConfig) -> Study:
    label, step = config.label, config.market.interval.seconds
    rows = training_set(data, label, config.market)
    split = time_split(rows.closed_at, rows.label_end_at, config.shares, label.horizon * step)
    return Study(rows=rows, split=split, costs=(label.fee_ratio, label.slippage_ratio))
