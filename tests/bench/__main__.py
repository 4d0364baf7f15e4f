"""`python -m tests.bench [group ...]`: the figures of performance.md, with what stands beside them."""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure, text
from tests.bench.machine import describe

REPOSITORY = Path(__file__).parent.parent.parent
RECORDS = REPOSITORY / "var" / "bench"
GROUPS = (
    "features",
    "predict",
    "chain",
    "backtests",
    "services",
    "cluster",
    "risk",
    "halt",
    "executor",
    "audit",
    "books",
)


def _last_record() -> tuple[int, dict[str, float]]:
    """Return the number of the newest record, and the newest known value of every figure."""
    numbers = sorted(int(path.stem) for path in RECORDS.glob("*.json") if path.stem.isdecimal())
    values: dict[str, float] = {}
    for number in numbers:
        rows = json.loads((RECORDS / f"{number}.json").read_text())["figures"]
        values.update({row["what"]: row["value"] for row in rows if row["value"] is not None})
    return (numbers[-1] if numbers else 0), values


def _change(figure: Figure, before: float | None) -> str:
    if not before or figure.value != figure.value:
        return ""
    return f"{100 * (figure.value / before - 1):+.0f} %"


def _table(figures: list[Figure], before: dict[str, float], title: str) -> Table:
    table = Table(title=title, title_justify="left", show_lines=False)
    for column in ("what", "p50 or rate", "p99", "unit", "target", "beside", "since", "verdict"):
        numeric = column in {"p50 or rate", "p99", "target", "since"}
        table.add_column(
            column, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold"
        )
    for figure in figures:
        sign = ">=" if figure.is_rate else "<="
        target = "" if figure.target is None else f"{sign} {text(figure.target)}"
        if figure.p99_target is not None:
            target += f" / {text(figure.p99_target)}"
        table.add_row(
            figure.what,
            text(figure.value),
            text(figure.p99),
            figure.unit,
            target,
            figure.beside,
            _change(figure, before.get(figure.what)),
            f"[red]{figure.verdict}[/]" if figure.verdict == "MISSED" else figure.verdict,
        )
    return table


def _record(number: int, machine: dict[str, Any], figures: list[Figure]) -> None:
    rows = [figure.as_row() for figure in figures]
    for row in rows:
        if row["value"] != row["value"]:
            row["value"] = None
    path = RECORDS / f"{number}.json"
    path.write_text(json.dumps({"machine": machine, "figures": rows}, indent=1, ensure_ascii=False))


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        sys.stderr.write(f"no such group: {', '.join(unknown)}; choose from {', '.join(GROUPS)}\n")
        return 2
    os.environ.setdefault("NUMBA_CACHE_DIR", str(REPOSITORY / "var" / "numba"))
    RECORDS.mkdir(parents=True, exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 170)
    machine = describe(RECORDS)
    number, before = _last_record()
    figures: list[Figure] = []
    for name in names or GROUPS:
        sys.stderr.write(f"{name} ...\n")
        figures += import_module(f"tests.bench.{name}").measure()
    _record(number + 1, machine, figures)
    title = "  ".join(f"{key} {value}" for key, value in machine.items())
    console.print(_table(figures, before, title))
    return 1 if any(figure.verdict == "MISSED" for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
