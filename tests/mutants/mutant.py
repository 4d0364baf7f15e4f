"""One wrong line in the real program, and the tests that have to notice it."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent.parent
_LEFT_OUT = {".git", ".venv", "var", "docs", "node_modules", "__pycache__", "build", "dist"}
_TESTS_FAILED = 1  # pytest's exit status; a file that cannot be imported has another


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`old` stands exactly once in `file`; `is_quick`: its tests take seconds."""

    name: str
    file: str
    old: str
    new: str
    test: str
    is_quick: bool = True


class Copy:
    """The project, copied: one file of it is changed at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._dated = 2_000_000_000
        for path in _files():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / path, target)

    def run(self, *tests: str) -> subprocess.CompletedProcess[str]:
        """Run tests of the copy, and of nothing else."""
        own = {"PYTHONPATH": str(self.folder)}
        unset = ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST")
        environment = {key: value for key, value in os.environ.items() if key not in unset}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", *self._options(), *tests],
            cwd=self.folder,
            env={**environment, **own},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def _options(self) -> list[str]:
        # folders of its own: pytest removes those of runs long past, and others run beside it
        return ["-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={self.folder / 'var'}"]

    def survives(self, mutant: Mutant) -> str | None:
        """Return why the mutant lives, or None where the tests that know better have failed."""
        file = self.folder / mutant.file
        right, was = file.read_text(), file.stat()
        times = right.count(mutant.old)
        if times != 1:
            return f"what '{mutant.name}' replaces stands {times} times in {mutant.file}"
        file.write_text(right.replace(mutant.old, mutant.new))
        self._dated += 10  # or what is compiled already might be taken for it
        os.utime(file, (self._dated, self._dated))
        try:
            done = self.run(mutant.test)
        finally:
            file.write_text(right)
            os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
        if done.returncode == _TESTS_FAILED and re.search(r"\b[1-9]\d* failed", done.stdout):
            return None
        return f"'{mutant.name}' survives {mutant.test} ({done.returncode}):\n{done.stdout[-2000:]}"


def _files() -> list[Path]:
    """Return everything that Git keeps of the program and its tests."""
    if (REPOSITORY / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=REPOSITORY, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        found = [Path(one) for one in listed.split("\0") if one]
    else:
        found = [path.relative_to(REPOSITORY) for path in REPOSITORY.rglob("*") if path.is_file()]
    return [
        path for path in found if not _LEFT_OUT & set(path.parts) and (REPOSITORY / path).is_file()
    ]
