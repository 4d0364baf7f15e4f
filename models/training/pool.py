"""Work done side by side: in this process, on all cores of this machine, or on a dask cluster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Literal, TypeAlias

import joblib

from models.training.desk import candles_on, rows_on
from models.training.tasks import (
    FinalTask,
    FoldTask,
    LeakTask,
    Task,
    solve_final,
    solve_fold,
    solve_leaks,
)
from models.training.workbench import Arrays, Workbench

Backend: TypeAlias = Literal["loky", "dask"]
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`jobs` processes of one thread each; 1 does all of it in this one."""

    jobs: int = 1
    backend: Backend = "loky"
    scheduler: str = ""

    def run(self, folder: Path, tasks: Sequence[Task]) -> Iterator[Task]:
        """Do what is not done yet, and give every task when its result is kept."""
        bench = Workbench(folder)
        left = [task for task in tasks if not bench.has(task.name)]
        yield from (task for task in tasks if task not in left)
        if self.jobs == 1 and self.backend == "loky":
            for task in left:
                yield work(folder, task)
            return
        with self._backend():
            parallel: Any = joblib.Parallel(
                n_jobs=self.jobs, return_as="generator_unordered", pre_dispatch="all"
            )
            yield from parallel(joblib.delayed(work)(folder, task) for task in left)

    def _backend(self) -> AbstractContextManager[Any]:
        if self.backend == "dask":
            return joblib.parallel_config(backend="dask")
        return joblib.parallel_config(backend="loky", n_jobs=self.jobs, inner_max_num_threads=1)


def work(folder: Path, task: Task) -> Task:
    """Do one task and keep its result."""
    bench = Workbench(folder)
    if bench.kept(task.name) is None:
        bench.keep(task.name, _solve(folder, task))
    return task


def _solve(folder: Path, task: Task) -> Arrays:
    match task:
        case FoldTask():
            return solve_fold(rows_on(folder), task)
        case FinalTask():
            return solve_final(rows_on(folder), task, threads=1)
        case LeakTask():
            return solve_leaks(candles_on(folder), task)


def cores(count: Callable[[], int] = joblib.cpu_count) -> int:
    """Return how many cores this process may use; a container's quota counts, not the machine."""
    try:
        quota, period = _QUOTA.read_text().split()
        limit = ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2, or no quota ("max")
        return count()
    return max(min(limit, count()), 1)
