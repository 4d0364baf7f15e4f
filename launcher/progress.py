"""Progress bars on anything that takes a while, on terminals only."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from launcher.console import err


@contextmanager
def steps(title: str) -> Generator[Callable[[str, float], None]]:
    """Give a function that takes what was just done and the share of the work behind."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bars:
        task = bars.add_task(title, total=1.0)

        def report(done: str, share: float) -> None:
            bars.update(task, completed=share, description=f"{title}: {done}")

        yield report


@contextmanager
def counting(title: str) -> Generator[Callable[[int, int], None]]:
    """Give a function that takes how many are done, and of how many."""
    with steps(title) as report:
        yield lambda done, total: report(f"{done} of {total}", done / max(total, 1))
