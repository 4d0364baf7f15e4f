"""Work done side by side: in this process, on all cores of this machine, or on a dask cluster."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from time import sleep
from traceback import format_exc
from typing import Any, Literal, TypeAlias

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from models.training.cluster import on_cluster
from models.training.desk import candles_on, rows_on
from models.training.tasks import (
    FinalTask,
    FoldTask,
    LeakTask,
    PathTask,
    Task,
    solve_final,
    solve_fold,
    solve_leaks,
    solve_path,
)
from models.training.workbench import Arrays, Workbench
from shared.domain.errors import BadInput, Unavailable

Backend: TypeAlias = Literal["loky", "dask"]
_LOOK_SECONDS = 2.0
_EAGERLY: Mapping[str, Any] = {
    "return_as": "generator_unordered",
    "pre_dispatch": "all",
    "batch_size": 1,
}
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


class WorkFailed(RuntimeError):
    """Pieces of the work that broke in a way nobody foresaw; everything else is done and kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a piece of work gave nothing, in words: not every exception survives being sent.

    `refusal` are the parts of a BadInput, `file_trouble` is what a file or the disk did: both
    would stop every other piece as well. `trace` is there for the rest.
    """

    name: str
    refusal: tuple[str, str, str] | None = None
    file_trouble: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`jobs` processes of one thread each; 1 does all of it in this one.

    With dask `scheduler` is the address of a cluster that is there; without one `jobs` processes of
    this machine are one. `patience_seconds`: how long others who do the same work may finish
    nothing before it is done here.
    """

    jobs: int = 1
    backend: Backend = "loky"
    scheduler: str = ""
    patience_seconds: float = 0.0

    @contextmanager
    def open(self, folder: Path) -> Generator["Crew"]:
        """Have the processes at hand for what is laid out in the folder.

        Raises:
            BadInput: there is no dask, no such cluster, or it cannot do this work.
            Unavailable: nobody answers at the address of the cluster.
        """
        here = folder.resolve()
        if self.backend == "dask":
            with on_cluster(here, self.scheduler, self.jobs):
                yield Crew(here, joblib.Parallel(n_jobs=-1, **_EAGERLY))
        elif self.jobs == 1:
            yield Crew(here, None)
        else:
            with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
                yield Crew(here, joblib.Parallel(n_jobs=self.jobs, **_EAGERLY))


class Crew:
    """Who does the work of one folder; without `parallel` this process does."""

    def __init__(self, folder: Path, parallel: Any) -> None:
        self._folder = folder
        self._parallel = parallel

    def run(self, tasks: Sequence[Task]) -> Iterator[Task]:
        """Do what is not done yet, and give every task when its result is kept.

        A piece that breaks does not keep the others from being done; it is told at the end.

        Raises:
            BadInput: the work cannot be done as asked.
            Unavailable: a result could not be kept, or a worker was killed.
            WorkFailed: pieces broke; the first is named.
        """
        bench = Workbench(self._folder)
        left: list[Task] = []
        for task in tasks:
            if bench.kept(task.name) is None:
                left.append(task)
            else:
                yield task
        broken: list[Failure] = []
        for found in self._found(left):
            if isinstance(found, Failure):
                _refuse_hopeless(found)
                broken.append(found)
            else:
                yield found
        if broken:
            first = broken[0]
            raise WorkFailed(
                f"{len(broken)} of {len(tasks)} pieces broke, the others are kept; "
                f"the first is {first.name}:\n{first.trace}"
            )

    def _found(self, tasks: Sequence[Task]) -> Iterator[Task | Failure]:
        if self._parallel is None or not tasks:
            yield from (work(self._folder, task) for task in tasks)
            return
        try:
            yield from self._parallel(joblib.delayed(work)(self._folder, task) for task in tasks)
        except TerminatedWorkerError as error:
            raise Unavailable(
                "a process was killed while it worked, most likely because memory ran out; "
                "what was finished is kept: go on with fewer --jobs"
            ) from error


def wait_for_others(folder: Path, tasks: Sequence[Task], patience_seconds: float) -> None:
    """Return when all tasks are done, or none was finished for so long."""
    bench = Workbench(folder)
    left = [task.name for task in tasks if bench.kept(task.name) is None]
    waited = 0.0
    while left and waited < patience_seconds:
        sleep(min(_LOOK_SECONDS, patience_seconds - waited))
        waited += _LOOK_SECONDS
        still = [name for name in left if bench.kept(name) is None]
        if len(still) < len(left):
            left, waited = still, 0.0


def work(folder: Path, task: Task) -> Task | Failure:
    """Do one task on one thread and keep its result; whatever goes wrong is told in words."""
    bench = Workbench(folder)
    try:
        with threadpool_limits(1):
            if bench.kept(task.name) is None:
                bench.keep(task.name, _solve(folder, task))
    except BadInput as error:
        return Failure(name=task.name, refusal=(error.field, error.problem, error.remedy))
    except OSError as error:
        return Failure(name=task.name, file_trouble=str(error))
    except Exception:  # noqa: BLE001 - raising would stop the others; the trace is told at the end
        return Failure(name=task.name, trace=format_exc())
    return task


def _solve(folder: Path, task: Task) -> Arrays:
    match task:
        case FoldTask():
            return solve_fold(rows_on(folder), task)
        case FinalTask():
            return solve_final(rows_on(folder), task, threads=1)
        case PathTask():
            return solve_path(rows_on(folder), task)
        case LeakTask():
            return solve_leaks(candles_on(folder), task)


def _refuse_hopeless(failure: Failure) -> None:
    if failure.refusal is not None:
        raise BadInput(*failure.refusal)
    if failure.file_trouble:
        raise Unavailable(
            f"{failure.name} could not be read or kept: {failure.file_trouble}; "
            "what was finished before is there still"
        )


def cores(count: Callable[[], int] = joblib.cpu_count) -> int:
    """Return how many cores this process may use; a container's quota counts, not the machine."""
    try:
        quota, period = _QUOTA.read_text().split()
        limit = ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2, or no quota ("max")
        return count()
    return max(min(limit, count()), 1)
