"""One pooled booster, then one release per instrument: judged by what no fold had seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from threadpoolctl import threadpool_limits

from models.aliases import Role
from models.booster import BoosterParams, check_device
from models.candidate import Study
from models.dataset import CandleArrays, check_candles, training_set
from models.evaluation.assess import Assessor
from models.evaluation.conditions import GateRule
from models.features import LOOKBACK
from models.manifest import GLOBAL, RELEASE_ID, LabelRule, TradedMarket, release_id
from models.registry import Registry
from models.release import ReleaseInfo, Run
from models.signing import NOBODY, Signer, Trust
from models.training.choices import choices, finals
from models.training.desk import lay_out
from models.training.maker import Maker
from models.training.plan import Plan, Scale, plan_of
from models.training.pool import Crew, Pool, wait_for_others
from models.training.search import search_space
from models.training.tasks import Task, findings_in
from models.training.tenancy import FOLDER, at_work, discard, prune
from models.validation import WalkForwardRule, walk_forward
from shared.domain.errors import BadInput
from shared.domain.ids import Symbol

Progress: TypeAlias = Callable[[str, float], None]

_SECONDS_PER_DAY = 86_400
_LAID_OUT, _FOLDS_DONE, _TREES_DONE = 0.05, 0.75, 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """`until` cuts the candles; `min_effective_labels` is what an instrument's own trees need.

    `market` names the instruments to learn about; their references only stand beside them.
    `dataset` is full_dataset or recent_<n>d and names the release; `role` is what the releases
    become, None for nothing; `configurations` are tried beside one another, the first is `booster`;
    `walks_paths` adds combinatorial cross-validation, for research: it decides nothing.
    The embargo of `walk` is at least the label's horizon. `trust`: whose champion is compared with;
    None believes the `signer` alone. Without a signer the releases can have a role only where
    `trust` tolerates unsigned ones.
    """

    market: TradedMarket
    label: LabelRule = field(default_factory=LabelRule)
    booster: BoosterParams = field(default_factory=BoosterParams)
    walk: WalkForwardRule = field(default_factory=lambda: WalkForwardRule(embargo_seconds=0))
    gate: GateRule = field(default_factory=GateRule)
    until: datetime | None = None
    dataset: str = "full_dataset"
    min_effective_labels: float = 1_500.0
    configurations: int = 4
    looks_for_leaks: bool = True
    walks_paths: bool = False
    draws: int = 1_000
    role: Role | None = Role.CHALLENGER
    expires_after: timedelta = timedelta(days=21)
    pool: Pool = field(default_factory=Pool)
    signer: Signer | None = None
    trust: Trust | None = None

    @property
    def believed(self) -> Trust:
        """Return `trust`, else the trust in the signer, else in nobody."""
        if self.trust is not None:
            return self.trust
        return NOBODY if self.signer is None else self.signer.trust

    @property
    def rule(self) -> WalkForwardRule:
        horizon = self.label.horizon * self.market.interval.seconds
        return replace(self.walk, embargo_seconds=max(self.walk.embargo_seconds, horizon))


def train_models(
    data: Mapping[Symbol, CandleArrays],
    config: TrainingConfig,
    root: Path,
    now: datetime,
    progress: Progress,
) -> list[ReleaseInfo]:
    """Train GLOBAL and one release per instrument under `root`.

    The same candles, configuration and `now` give the same files, whatever the number of jobs and
    however often it was interrupted: what was done is kept and not done again. `progress` hears
    what was done and the share of the work behind. An instrument with too little to be judged by
    gets no release: GLOBAL speaks for it.

    Raises:
        BadInput: candles or configuration that cannot be learned from.
    """
    run, home = _run(config, root, now), root / FOLDER
    plan, used = _planned(data, config, root)
    progress(f"{len(plan.study.rows)} rows of {len(plan.study.rows.symbols)} instruments", 0.0)
    prune(home, now, spared=plan.folder)
    with at_work(home), threadpool_limits(1):
        lay_out(plan.folder, plan.study.rows, dict(used))
        infos = _releases(run, plan, config, used, progress)
        _point(root, config, infos, now)
    discard(home, plan.folder)
    progress("done", 1.0)
    return infos


def work_shard(
    data: Mapping[Symbol, CandleArrays],
    config: TrainingConfig,
    root: Path,
    shard: tuple[int, int],
    progress: Progress,
) -> int:
    """Do part `shard[0]` of `shard[1]` of the work and keep the results; return how many pieces.

    `train_models` on the same candles, configuration and folder goes on from there.

    Raises:
        BadInput: there is no such part, or candles that cannot be learned from.
    """
    index, count = shard
    if not 0 <= index < count:
        raise BadInput("shard", f"{index} of {count}", "count from 0, for example 0/8")
    plan, used = _planned(data, config, root)
    mine = plan.tasks[index::count]
    with at_work(root / FOLDER):
        lay_out(plan.folder, plan.study.rows, dict(used))
        with config.pool.open(plan.folder) as crew:
            _work(crew, mine, progress, (_LAID_OUT, 1.0))
    return len(mine)


def _releases(
    run: Run,
    plan: Plan,
    config: TrainingConfig,
    data: Mapping[Symbol, CandleArrays],
    progress: Progress,
) -> list[ReleaseInfo]:
    """Do what is not done yet, choose, grow the final trees and write what was judged."""
    wait_for_others(plan.folder, plan.tasks, config.pool.patience_seconds)
    with config.pool.open(plan.folder) as crew:
        _work(crew, plan.tasks, progress, (_LAID_OUT, _FOLDS_DONE))
        chosen = choices(plan, config.draws)
        trees = finals(plan, chosen)
        _work(crew, tuple(trees.values()), progress, (_FOLDS_DONE, _TREES_DONE))
    results = {name: plan.done(task) for name, task in trees.items()}
    leaks = findings_in(plan.done(plan.leak_task)) if plan.looks_for_leaks else ()
    registry = Registry(run.root, config.market, trust=config.believed)
    registry.refresh(run.created_at)
    assessor = Assessor(
        study=plan.study,
        data=data,
        leaks=leaks,
        paths=plan.path_aucs() if plan.walks_paths else (),
        now=run.created_at,
        draws=config.draws,
    )
    maker = Maker(run, plan, config.gate, assessor, registry.champions())

    def judged(what: str, share: float) -> None:
        progress(what, _TREES_DONE + (1 - _TREES_DONE) * share)

    return maker.make(chosen, results, judged)


def _planned(
    data: Mapping[Symbol, CandleArrays], config: TrainingConfig, root: Path
) -> tuple[Plan, Mapping[Symbol, CandleArrays]]:
    check_device(config.booster.device)
    configurations = search_space(config.booster, config.configurations)
    used = _cut(data, config)
    rows = training_set(used, config.label, config.market)
    cut = walk_forward(rows.closed_at, rows.label_end_at, config.rule)
    study = Study(rows=rows, rule=config.rule, cut=cut, label=config.label)
    scale = Scale(
        configurations=configurations,
        min_effective_labels=config.min_effective_labels,
        looks_for_leaks=config.looks_for_leaks,
        walks_paths=config.walks_paths,
    )
    return plan_of(study, config.market, scale, root), used


def _work(
    crew: Crew, tasks: tuple[Task, ...], progress: Progress, shares: tuple[float, float]
) -> None:
    first, last = shares
    for done, task in enumerate(crew.run(tasks), start=1):
        what = task.name.rsplit("-", 1)[0].replace("-", " ")
        progress(what, first + (last - first) * done / len(tasks))


def _point(root: Path, config: TrainingConfig, infos: list[ReleaseInfo], now: datetime) -> None:
    """Let the aliases point to the releases; a challenger also runs in shadow."""
    registry = Registry(root, config.market, trust=config.believed)
    for info in infos if config.role else ():
        if config.role is Role.CHAMPION:
            registry.promote(info.scope, info.release_id, now)
        else:
            roles = {Role.CHALLENGER: info.release_id, Role.SHADOW: info.release_id}
            registry.point(info.scope, roles)


def _run(config: TrainingConfig, root: Path, now: datetime) -> Run:
    created_at = now.astimezone(UTC)
    if not RELEASE_ID.fullmatch(release_id(GLOBAL, config.dataset, "cpu", created_at)):
        raise BadInput("dataset", f"{config.dataset!r}", "say full_dataset or recent_<days>d")
    if config.role and config.signer is None and not config.believed.tolerates_unsigned:
        problem = f"there is none: nobody would believe a {config.role}"
        raise BadInput("signer", problem, "give one, or let the releases have no role")
    return Run(
        root=root,
        dataset=config.dataset,
        created_at=created_at,
        expires_after=config.expires_after,
        market=config.market,
        label=config.label,
        booster=config.booster,
        signer=config.signer,
    )


def _cut(
    data: Mapping[Symbol, CandleArrays], config: TrainingConfig
) -> Mapping[Symbol, CandleArrays]:
    """Return the candles up to `until`, of a recent dataset only its days and the warm-up."""
    empty = [one for one in config.market.needed if one not in data or not len(data[one].closed_at)]
    if empty or not data:
        raise BadInput("candles", f"there are none of {empty or 'any'}", "import or generate some")
    used = {symbol: data[symbol] for symbol in config.market.needed}
    for candles in used.values():
        check_candles(candles, config.market.interval.seconds)
    first = min(int(candles.closed_at[0]) for candles in used.values())
    until = max(int(candles.closed_at[-1]) for candles in used.values())
    if config.until is not None:
        until = min(until, int(config.until.timestamp()))
    if config.dataset != "full_dataset":
        days = int(config.dataset.removeprefix("recent_").removesuffix("d"))
        first = until - days * _SECONDS_PER_DAY - LOOKBACK * config.market.interval.seconds
    return {symbol: candles.between(first, until) for symbol, candles in used.items()}
