"""What a finished piece of work is kept under: everything that would have made it another."""

from dataclasses import replace

import pytest

from models.booster import BoosterParams, library_versions
from models.train import work_shard
from models.training import plan
from models.training.search import name_of, settings_of
from models.training.tenancy import FOLDER
from tests.unit.models.trained_models import quick, weak_markets


def test_every_library_that_computes_and_the_project_itself_are_named():
    versions = library_versions()
    assert {"python", "xgboost", "numpy", "numba", "scipy", "scikit-learn", "joblib"} < {*versions}
    assert versions["crypto-trading-engine"]


@pytest.mark.parametrize("library", ["scikit-learn", "crypto-trading-engine"])
def test_the_work_of_another_library_or_release_of_this_project_is_not_reused(
    tmp_path, monkeypatch, library
):
    def folders():
        work_shard(weak_markets(), quick(), tmp_path, (99, 100), lambda _text, _share: None)
        return {entry.name for entry in (tmp_path / FOLDER).iterdir() if entry.is_dir()}

    before = folders()
    assert folders() == before
    monkeypatch.setattr(plan, "library_versions", lambda: {**library_versions(), library: "99"})
    assert len(folders()) == 2


def test_trees_of_another_device_are_other_work_but_the_same_try():
    cpu = BoosterParams()
    gpu, threaded = replace(cpu, device="gpu"), replace(cpu, threads=8)
    assert name_of(cpu) != name_of(gpu)
    assert name_of(cpu) == name_of(threaded)
    assert settings_of(cpu) == settings_of(gpu)
