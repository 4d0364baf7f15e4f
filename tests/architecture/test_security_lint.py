"""bandit runs over everything that ships, and would find what it is there for."""

import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PLANTED = """\
import subprocess
import requests

def fetch(address, command):
    requests.get(address, verify=False, timeout=5)
    return subprocess.run(command, shell=True, check=True)
"""


def bandit(*words):
    command = [str(Path(sys.executable).parent / "bandit"), "-c", "pyproject.toml", "-ll", "-q"]
    return subprocess.run(
        [*command, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def test_a_planted_hole_is_found(tmp_path):
    file = tmp_path / "planted.py"
    file.write_text(PLANTED)
    found = bandit(str(file))
    assert found.returncode == 1
    assert "B501" in found.stdout
    assert "B602" in found.stdout


def test_every_package_that_ships_is_looked_at():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    shipped = {
        one.rstrip("*") for one in project["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    there = {one for one in shipped if (REPOSITORY / one).is_dir()}
    named = (REPOSITORY / "Makefile").read_text().split("PACKAGES :=")[1].split("\n\n")[0]
    assert there <= set(named.replace("\\", " ").split())


def test_no_finding_is_silenced_without_a_reason():
    """`nosec` names the rule and says why."""
    for package in REPOSITORY.glob("*/__init__.py"):
        for path in package.parent.rglob("*.py"):
            for line in path.read_text().splitlines():
                if "# nosec" in line:
                    assert " - " in line.split("# nosec")[1], (path, line)
