"""Damaged releases: never a crash of the process that loads them, never a load of other bytes."""

import json
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.unit.models.made_releases import put


def came_of(tmp_path, seed, cases):
    """Damage a blend in a process of its own; return how often each end was met."""
    template = put(tmp_path / "template", "BTCUSDT", kind="blend")
    root = tmp_path / "damaged"
    root.mkdir()
    program = [sys.executable, "-m", "tests.unit.models.damaging_process"]
    done = subprocess.run(
        [*program, str(template), str(root), str(seed), str(cases)],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("seed", "cases"), [(1, 300), pytest.param(2, 10_000, marks=pytest.mark.long)]
)
def test_no_damage_crashes_and_none_goes_unnoticed_unless_a_trusted_key_sealed_it(
    tmp_path, seed, cases
):
    ends = came_of(tmp_path, seed, cases)
    assert sum(ends.values()) == cases
    assert "loaded" not in ends
    assert ends["hash_mismatch"] + ends["bad_signature"] > cases / 4
    assert ends["sealed unreadable_file"] + ends["sealed self_test"] > cases / 10
