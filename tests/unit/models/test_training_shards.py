"""One way of training or another, interrupted or not: the same bytes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models.aliases import Role, read_aliases
from models.artifact import verify
from models.manifest import FILES
from models.signing import ANY_UNSIGNED
from models.train import train_models, work_shard
from models.training.pool import Pool
from models.training.tenancy import FOLDER
from shared.domain.errors import BadInput
from tests.unit.models.trained_models import BTC, ETH, NOW, quick, weak_market, weak_markets

REPOSITORY = Path(__file__).parents[3]
SCOPES = ["GLOBAL", "BTCUSDT", "ETHUSDT"]

KILLED = """
import os, signal, sys
from pathlib import Path
from models.train import train_models
from tests.unit.models.trained_models import NOW, quick, weak_markets

def killed_after_the_second_fold(what, share, heard=[]):
    heard.append(what)
    if sum(one.startswith("fold") for one in heard) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

train_models(weak_markets(), quick(), Path(sys.argv[1]), NOW, killed_after_the_second_fold)
"""

BESIDE = """
import sys
from datetime import timedelta
from pathlib import Path
from models.aliases import Role
from models.train import train_models
from shared.domain.errors import Conflict
from tests.unit.models.trained_models import NOW, quick, weak_markets

now = NOW + timedelta(seconds=int(sys.argv[2]))
config = quick(role=Role.CHALLENGER)
print("ready", flush=True)
sys.stdin.readline()
try:
    found = train_models(weak_markets(), config, Path(sys.argv[1]), now, lambda *said: None)
except Conflict as error:
    sys.exit(f"conflict: {error}")
print(*(one.release_id for one in found))
"""


def silent(_text, _share):
    pass


def started(script, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def files_of(root):
    """Return everything a training leaves behind but its locks."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".lock" and FOLDER not in path.parts
    }


def kept_in(root):
    return sorted((root / FOLDER).glob("*/fold-*.piece"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What one process makes of it without interruption."""
    root = tmp_path_factory.mktemp("serial")
    train_models(weak_markets(), quick(), root, NOW, silent)
    files = files_of(root)
    assert len(files) >= len(SCOPES) * (len(FILES) + 1)
    assert not list((root / FOLDER).glob("*/"))
    return files


@pytest.mark.parametrize(
    "pool",
    [Pool(jobs=2), pytest.param(Pool(jobs=2, backend="dask"), marks=pytest.mark.long)],
    ids=lambda pool: pool.backend,
)
def test_processes_side_by_side_leave_the_same_bytes(expected, tmp_path, pool):
    train_models(weak_markets(), quick(pool=pool), tmp_path, NOW, silent)
    assert files_of(tmp_path) == expected


def test_shards_in_any_order_and_then_a_publisher_leave_the_same_bytes(expected, tmp_path):
    done = [work_shard(weak_markets(), quick(), tmp_path, (at, 3), silent) for at in (2, 0, 1)]
    assert sum(done) == 9
    assert files_of(tmp_path) == {}
    grown_before = {path.name: path.stat().st_ino for path in kept_in(tmp_path)}
    heard = []

    def hear(what, _share):
        if what.startswith("fold"):
            heard.append({path.name: path.stat().st_ino for path in kept_in(tmp_path)})

    train_models(weak_markets(), quick(), tmp_path, NOW, hear)
    assert heard == [grown_before] * 9
    assert files_of(tmp_path) == expected


def test_a_training_killed_after_the_second_fold_goes_on_there_and_ends_in_the_same_bytes(
    expected, tmp_path
):
    killed = started(KILLED, tmp_path)
    _, trouble = killed.communicate(timeout=300)
    assert killed.returncode == -9, trouble
    assert files_of(tmp_path) == {}
    first = {path: path.stat().st_ino for path in kept_in(tmp_path)}
    assert len(first) == 2
    still = []

    def hear(what, _share):
        if what.startswith("fold"):
            still.append({path: path.stat().st_ino for path in first})

    train_models(weak_markets(), quick(), tmp_path, NOW, hear)
    assert all(one == first for one in still)
    assert files_of(tmp_path) == expected


@pytest.mark.long
def test_two_trainings_at_once_both_end_well(tmp_path):
    """They share the work and write different releases; one of them has each alias."""
    both = [started(BESIDE, tmp_path, second) for second in (0, 1)]
    for one in both:
        assert one.stdout.readline() == "ready\n", one.stderr.read()
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=300) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    ids = [text.split() for text, _ in said]
    assert not set(ids[0]) & set(ids[1])
    for number, scope in enumerate(SCOPES):
        aliases = read_aliases(tmp_path, scope)
        assert aliases[Role.CHALLENGER] == aliases[Role.SHADOW]
        assert aliases[Role.CHALLENGER] in {ids[0][number], ids[1][number]}
        for found in ids:
            verify(tmp_path / scope / found[number], trust=ANY_UNSIGNED)
    first, second = (
        {Path(name).name: content for name, content in files_of(tmp_path / "GLOBAL" / one).items()}
        for one in (ids[0][0], ids[1][0])
    )
    assert first["calibrator.json"] == second["calibrator.json"]
    assert not list(tmp_path.rglob(".*.piece*"))


@pytest.mark.long
def test_two_trainings_of_the_same_second_are_one_release_and_one_conflict(tmp_path):
    both = [started(BESIDE, tmp_path, 0) for _ in range(2)]
    for one in both:
        assert one.stdout.readline() == "ready\n", one.stderr.read()
    said = [one.communicate("go\n", timeout=300) for one in both]
    assert sorted(one.returncode for one in both) == [0, 1], said
    assert any("conflict: " in trouble for _, trouble in said)
    for scope in SCOPES:
        aliases = read_aliases(tmp_path, scope) or {}
        for release_id in aliases.values():
            verify(tmp_path / scope / release_id, trust=ANY_UNSIGNED)


def test_the_work_of_another_configuration_is_not_reused(tmp_path):
    work_shard(weak_markets(), quick(), tmp_path, (0, 1), silent)
    before = {path.name: path.stat().st_ino for path in kept_in(tmp_path)}
    reseeded = quick(booster=replace(quick().booster, seed=8))
    work_shard(weak_markets(), reseeded, tmp_path, (0, 1), silent)
    after = {path.name: path.stat().st_ino for path in kept_in(tmp_path)}
    assert len(after) == 2 * len(before)
    assert before.items() <= after.items()
    others = {BTC: weak_market(BTC, 1), ETH: weak_market(ETH, 3)}
    work_shard(others, quick(), tmp_path, (0, 9), silent)
    assert len(list((tmp_path / FOLDER).glob("*/"))) == 2


@pytest.mark.parametrize("shard", [(3, 3), (-1, 3), (0, 0)])
def test_a_shard_that_there_is_not_is_refused(tmp_path, shard):
    with pytest.raises(BadInput, match="count from 0"):
        work_shard(weak_markets(), quick(), tmp_path, shard, silent)


def test_a_shard_without_a_piece_is_done_at_once(tmp_path):
    assert work_shard(weak_markets(), quick(), tmp_path, (99, 100), silent) == 0


@pytest.mark.long
def test_more_instruments_and_leak_checks_leave_the_same_bytes_too(tmp_path):
    data = {BTC: weak_market(BTC, 1, count=9_000), ETH: weak_market(ETH, 2, count=9_000)}
    changes = {"looks_for_leaks": True, "configurations": 3, "draws": 500}
    found = {}
    for name, pool in {
        "one": Pool(),
        "three": Pool(jobs=3),
        "dask": Pool(jobs=2, backend="dask"),
    }.items():
        train_models(data, quick(pool=pool, **changes), tmp_path / name, NOW, silent)
        found[name] = files_of(tmp_path / name)
    for at in range(os.cpu_count() or 2):
        shard = (at, os.cpu_count() or 2)
        work_shard(data, quick(**changes), tmp_path / "shards", shard, silent)
    train_models(data, quick(**changes), tmp_path / "shards", NOW, silent)
    found["shards"] = files_of(tmp_path / "shards")
    assert all(files == found["one"] for files in found.values())
