import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import distributed
import joblib
import pytest
import threadpoolctl

import models.booster
from models.dataset import training_set
from models.manifest import LabelRule
from models.training import cluster
from models.training.desk import lay_out
from models.training.pool import Pool, WorkFailed, cores, wait_for_others, work
from models.training.tasks import FoldTask
from models.training.workbench import Workbench
from shared.domain.errors import BadInput, Unavailable
from tests.unit.models.trained_models import MARKET, quick, weak_markets

GOOD = FoldTask(
    scope="GLOBAL",
    symbols=MARKET.needed,
    fold=0,
    walk=quick().rule,
    configurations=(quick().booster,),
    has_rival=True,
)
BROKEN = replace(GOOD, fold=99)
NEXT = replace(GOOD, fold=1, has_rival=False)


class Deadly(str):
    """A text that kills the process it is sent to, as the kernel does when memory runs out."""

    __slots__ = ()

    def __reduce__(self):
        return signal.raise_signal, (signal.SIGKILL,)


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    rows = training_set(weak_markets(), LabelRule(), MARKET)
    lay_out(folder, rows, weak_markets())
    return folder


@pytest.fixture
def desk(laid_out, tmp_path):
    """The rows, and nothing done yet."""
    for entry in laid_out.iterdir():
        os.link(entry, tmp_path / entry.name)
    return tmp_path


@pytest.fixture(scope="module")
def address():
    """A cluster of another process that stands in another folder."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0"
    ) as found:
        yield found.scheduler_address


def names(tasks):
    return sorted(task.name for task in tasks)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_piece_that_breaks_is_named_after_the_others_are_done_and_kept(desk, jobs):
    done = []
    with (
        pytest.raises(WorkFailed, match=f"1 of 3.*{BROKEN.name}") as told,
        Pool(jobs=jobs).open(desk) as crew,
    ):
        done.extend(crew.run((BROKEN, GOOD, NEXT)))
    assert names(done) == names((GOOD, NEXT))
    assert Workbench(desk).kept(GOOD.name) is not None
    assert Workbench(desk).kept(NEXT.name) is not None
    assert "IndexError" in str(told.value)
    with Pool().open(desk) as crew:
        assert names(crew.run((GOOD, NEXT))) == names((GOOD, NEXT))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_refusal_reaches_the_caller_as_it_was_said(desk, jobs):
    """Sent from another process an error of three parts would not come back by itself."""
    absent = replace(GOOD, configurations=(replace(quick().booster, device="gpu", max_rounds=1),))
    with pytest.raises(BadInput, match="gpu was asked") as told, Pool(jobs=jobs).open(desk) as crew:
        list(crew.run((absent,)))
    assert (told.value.field, told.value.remedy) == ("device", "use cpu")


def test_rows_that_cannot_be_read_are_told_with_the_piece_that_needed_them(desk):
    (desk / "vectors.npy").unlink()
    with pytest.raises(Unavailable, match=f"{GOOD.name}.*vectors"), Pool().open(desk) as crew:
        list(crew.run((GOOD, NEXT)))
    assert not list(desk.glob("fold-*"))


def test_a_killed_process_is_told_with_a_remedy(desk):
    deadly = replace(GOOD, scope=Deadly("GLOBAL"))
    with pytest.raises(Unavailable, match="fewer --jobs"), Pool(jobs=2).open(desk) as crew:
        list(crew.run((deadly, NEXT)))


def test_every_piece_is_worked_on_by_one_thread(desk, monkeypatch):
    seen = []
    train = models.booster.xgboost.train

    def watched(params, *arguments, **options):
        libraries = threadpoolctl.threadpool_info()
        seen.append((params["nthread"], {one["num_threads"] for one in libraries}))
        return train(params, *arguments, **options)

    monkeypatch.setattr(models.booster.xgboost, "train", watched)
    assert work(desk, GOOD) == GOOD
    assert seen == [(1, {1})]


def test_processes_of_the_pool_are_told_to_use_one_thread(desk):
    with Pool(jobs=2).open(desk):
        told = joblib.Parallel(n_jobs=2)(
            joblib.delayed(os.getenv)(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        )
    assert told == ["1", "1"]


def test_what_is_done_is_not_done_again_and_what_was_cut_short_is(desk):
    bench = Workbench(desk)
    work(desk, NEXT)
    path = desk / f"{NEXT.name}.piece"
    whole = path.read_bytes()
    first = path.stat().st_ino
    work(desk, NEXT)
    assert path.stat().st_ino == first
    path.write_bytes(whole[: len(whole) // 2])
    assert bench.kept(NEXT.name) is None
    with Pool().open(desk) as crew:
        assert list(crew.run((NEXT,))) == [NEXT]
    assert path.read_bytes() == whole


def test_who_waits_goes_on_when_nothing_happens_and_at_once_when_all_is_done(desk):
    wait_for_others(desk, (NEXT,), 0.05)
    assert Workbench(desk).kept(NEXT.name) is None
    work(desk, NEXT)
    wait_for_others(desk, (NEXT,), 1_000_000.0)


def test_cores_are_those_of_the_container_not_of_the_machine(tmp_path, monkeypatch):
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr("models.training.pool._QUOTA", quota)
    for text, expected in (
        ("150000 100000\n", 2),
        ("400000 100000\n", 4),
        ("10000 100000\n", 1),
        ("max 100000\n", 64),
        ("6400000 50000\n", 64),
        ("nonsense\n", 64),
    ):
        quota.write_text(text)
        assert cores(lambda: 64) == expected, text
    quota.unlink()
    assert cores(lambda: 64) == 64


def test_a_cluster_by_its_address_keeps_the_same_bytes(desk, address, tmp_path_factory):
    work(desk, GOOD)
    path = desk / f"{GOOD.name}.piece"
    here = path.read_bytes()
    path.unlink()
    with Pool(backend="dask", scheduler=address).open(desk) as crew:
        assert list(crew.run((GOOD,))) == [GOOD]
    assert path.read_bytes() == here
    assert not (desk / ".probe").exists()


def test_a_piece_that_breaks_on_a_cluster_is_named_and_the_others_are_kept(desk, address):
    done = []
    with (
        pytest.raises(WorkFailed, match=BROKEN.name),
        Pool(backend="dask", scheduler=address).open(desk) as crew,
    ):
        done.extend(crew.run((BROKEN, NEXT)))
    assert done == [NEXT]


def test_a_worker_that_does_not_see_the_folder_is_refused(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)  # the worker stands elsewhere: what is here is not there
    (tmp_path / "models").mkdir()
    with (
        pytest.raises(BadInput, match=r"does not see models.*same path on every worker"),
        cluster.on_cluster(Path("models"), address, 1),
    ):
        pass


def test_a_worker_with_other_libraries_is_refused(tmp_path, monkeypatch, address):
    ours = {**models.booster.library_versions(), "xgboost": "0.0"}
    monkeypatch.setattr(cluster, "library_versions", lambda: ours)
    with (
        pytest.raises(BadInput, match="other libraries give other models"),
        Pool(backend="dask", scheduler=address).open(tmp_path),
    ):
        pass


def test_a_scheduler_that_is_not_there_is_unavailable(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE_SECONDS", 1)
    pool = Pool(backend="dask", scheduler="tcp://127.0.0.1:1")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"), pool.open(tmp_path):
        pass


@pytest.mark.parametrize("text", ["nonsense://x", "127.0.0.1"])
def test_what_is_no_address_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setattr(cluster, "_PATIENCE_SECONDS", 1)
    pool = Pool(backend="dask", scheduler=text)
    with pytest.raises(BadInput, match="is no address"), pool.open(tmp_path):
        pass


def test_without_dask_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(BadInput, match=r"pip install 'crypto-trading-engine\[dask\]'"),
        Pool(backend="dask").open(tmp_path),
    ):
        pass
