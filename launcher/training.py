"""The command `train`: from stored candles to judged, signed releases that wait for promotion."""

from typing import Annotated, Any

import typer

from launcher.candles import as_arrays, chosen, end_of, moment, stored, traded_market
from launcher.console import err, out, print_json, print_table
from launcher.model_keys import signer_of, trust_of
from launcher.models_home import models_folder
from launcher.options import AsJson, Symbols, listed
from launcher.progress import steps
from launcher.research import From, To
from launcher.retention import retire_old_releases
from models.booster import BoosterParams
from models.manifest import LabelRule
from models.train import ReleaseInfo, TrainingConfig, train_models, work_shard
from models.training.pool import Pool, cores
from models.validation import WalkForwardRule
from shared.domain.clock import SystemClock
from shared.domain.errors import BadInput
from shared.runtime.settings import PlatformSettings, load

_DEVICES = {"cpu": "cpu", "cuda": "gpu"}


def train(
    symbols: Symbols = "",
    start: From = "",
    end: To = "",
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, help="Processes; 0 takes as many as there are cores.")
    ] = 0,
    configurations: Annotated[
        int, typer.Option("--configurations", min=1, max=24, help="How many are tried; all count.")
    ] = 4,
    horizon: Annotated[
        int, typer.Option("--horizon", min=1, help="Candles after which a trade ends at last.")
    ] = 24,
    target: Annotated[
        float,
        typer.Option(
            "--target", min=0.1, max=10, help="Target, in barriers (volatility over the horizon)."
        ),
    ] = 1.0,
    stop: Annotated[
        float, typer.Option("--stop", min=0.1, max=10, help="Stop, in barriers.")
    ] = 1.0,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Test blocks.")] = 6,
    test_days: Annotated[int, typer.Option("--test-days", min=1, help="Days of each.")] = 30,
    walks_paths: Annotated[
        bool, typer.Option("--combinatorial", help="Also show how far results scatter (15 fits).")
    ] = False,
    shard: Annotated[
        str, typer.Option("--shard", help="Only do part i/n of the work, for example 0/8.")
    ] = "",
    backend: Annotated[
        str, typer.Option("--backend", help="loky: this machine; dask: a cluster (--scheduler).")
    ] = "loky",
    scheduler: Annotated[
        str, typer.Option("--scheduler", help="Address of the dask scheduler.")
    ] = "",
    patience: Annotated[
        int,
        typer.Option("--patience", min=0, help="Minutes without news from shards before going on."),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a pooled model and one per instrument; 'trading models promote' puts one to work."""
    settings = load(PlatformSettings)
    market = settings.market
    first, last = moment("--from", start), end_of("--to", end)
    traded = traded_market(settings).only(chosen(settings, listed(symbols)))
    series = {
        symbol: one.between(first, last) for symbol, one in stored(settings, traded.needed).items()
    }
    config = TrainingConfig(
        market=traded,
        label=LabelRule(
            horizon=horizon,
            k_target=target,
            k_stop=stop,
            fee_ratio=market.fee_ratio,
            slippage_ratio=market.slippage_ratio,
        ),
        booster=BoosterParams(device=_device(device)),
        walk=WalkForwardRule(embargo_seconds=0, folds=folds, test_days=test_days),
        configurations=configurations,
        walks_paths=walks_paths,
        pool=_pool(jobs, backend, scheduler, patience),
        signer=None if shard else signer_of(settings),  # a shard writes no release
        trust=trust_of(settings),
    )
    data, folder, now = as_arrays(series), models_folder(settings), SystemClock().now()
    with steps("training") as report:
        if shard:
            done = work_shard(data, config, folder, _shard(shard), report)
            out.print(f"{done} pieces of shard {shard} are done; 'trading train' finishes.")
            return
        releases = train_models(data, config, folder, now, report)
    if said := retire_old_releases(settings):
        err.print(said, markup=False, soft_wrap=True)
    if as_json:
        print_json([_row(one) for one in releases])
        return
    _show(releases)


def _show(releases: list[ReleaseInfo]) -> None:
    columns = ("scope", "kind", "trees", "auc", "log_loss", "base_log_loss", "gate", "release_id")
    print_table("Trained", [_row(one) for one in releases], columns, empty="nothing was trained")
    for one in releases:
        out.print(one.verdict.sentence, markup=False)
    report = releases[0].path / "report.html"
    out.print(f"Why, in pictures: {report} (one beside every release).", soft_wrap=True)
    passed = [one.release_id for one in releases if one.verdict.is_passed]
    if passed:
        out.print(f"They run in shadow now; later: trading models promote {passed[0]}")
    else:
        out.print("None may trade: that is an answer. Longer horizons (--horizon), wider targets")
        out.print("(--target), other instruments or a slower interval are what to try next.")


def _row(one: ReleaseInfo) -> dict[str, Any]:
    skill = one.evaluation.skill
    return {
        "scope": one.scope,
        "kind": one.kind,
        "trees": one.rounds,
        "n_effective": round(one.n_effective, 1),
        "auc": skill.auc.value,
        "log_loss": skill.log_loss,
        "base_log_loss": skill.base_log_loss,
        "gate": "passed" if one.verdict.is_passed else "not passed",
        "verdict": one.verdict.sentence,
        "release_id": one.release_id,
        "report": str(one.path / "report.html"),
    }


def _device(asked: str) -> Any:
    if asked not in _DEVICES:
        raise BadInput("--device", f"'{asked}' is unknown", "say cpu or cuda")
    return _DEVICES[asked]


def _pool(jobs: int, backend: str, scheduler: str, patience_minutes: int) -> Pool:
    if backend not in ("loky", "dask"):
        raise BadInput("--backend", f"'{backend}' is unknown", "say loky or dask")
    return Pool(
        jobs=jobs or cores(),
        backend=backend,
        scheduler=scheduler,
        patience_seconds=60.0 * patience_minutes,
    )


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal()):
        raise BadInput("--shard", f"'{text}' is no part", "write for example 0/8")
    return int(index), int(count)
