"""Each import contract catches a planted violation, and the house keeps its rules."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = (
    "shared", "models", "market_data", "signal_generator", "signals", "recommender", "risk",
    "executor", "portfolio", "backtest", "launcher", "venues", "simulator",
)  # fmt: skip
SERVICES = PACKAGES[2:9]
VIOLATIONS = (
    ("The floors of the house", "risk/core/checks.py", "import executor.core"),
    ("The floors of the house", "shared/domain/candle.py", "import models"),
    ("The floors of shared", "shared/domain/candle.py", "import shared.db.base"),
    ("Rooms of a service", "risk/core/checks.py", "import risk.tables"),
    ("Rooms of a service", "risk/helpers.py", ""),
    ("The domain and the cores are pure", "risk/core/checks.py", "import sqlalchemy"),
    ("The domain and the cores are pure", "executor/core/planning.py", "import time"),
    ("A backtest sees cores, never shells", "backtest/result.py", "import portfolio.repository"),
    ("The floors of the house", "venues/port.py", "import executor.core.order"),
    (
        "The venues' packages are spoken to in one place",
        "market_data/feeds/port.py",
        "import binance",
    ),
    ("Only assembly knows the mode", "risk/handlers.py", "import shared.runtime.settings"),
)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def house(tmp_path):
    for package in PACKAGES:
        shutil.copytree(
            REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_house_keeps_every_contract(house):
    found = lint_imports(house)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(("contract", "file", "line"), VIOLATIONS)
def test_a_planted_violation_is_caught(house, contract, file, line):
    planted = house / file
    before = planted.read_text() if planted.exists() else ""
    planted.write_text(f"{before}\n{line}\n")
    found = lint_imports(house)
    assert found.returncode == 1
    assert f"{contract} BROKEN" in found.stdout


def sources():
    return [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]


def calls(path, name):
    tree = ast.parse(path.read_text())
    return [
        node for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name
    ]  # fmt: skip


def test_only_the_unit_of_work_commits():
    assert [path for path in sources() if calls(path, "commit")] == []


def test_each_table_is_written_by_the_package_that_declares_it():
    owners = {}
    for path in REPOSITORY.glob("*/tables.py"):
        owners[path.parent.name] = path
    for path in sources():
        package = path.relative_to(REPOSITORY).parts[0]
        for owner in owners:
            if package not in (owner, "launcher"):
                assert f"from {owner}.tables" not in path.read_text(), path


def test_no_file_is_a_room_without_a_name():
    banned = {"utils", "helpers", "common", "misc", "manager", "base_service"}
    assert [path for path in sources() if path.stem in banned] == []


def test_no_service_can_load_a_pickle():
    """One file may, a script of the offline `import-legacy`; nothing imports it."""
    script = REPOSITORY / "launcher" / "model_unpickling.py"
    assert script in sources()
    for path in sources():
        if path == script:
            continue
        assert "import model_unpickling" not in path.read_text()
        assert "launcher.model_unpickling" not in path.read_text()
        text = path.read_text()
        for word in (
            "pickle.load",
            "joblib.load",
            "import pickle",
            "import dill",
            "import cloudpickle",
        ):
            assert word not in text, f"{path}: {word}"


def test_the_locks_hold_hashes_and_no_address():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (REPOSITORY / name).read_text()
        pinned = [line for line in text.splitlines() if "==" in line]
        assert pinned
        assert all(line.endswith("\\") for line in pinned)
        assert "://" not in text
        assert "--index-url" not in text


def test_the_oracle_of_the_indicators_is_never_imported_by_the_project():
    assert [path for path in sources() if "talib" in path.read_text()] == []
