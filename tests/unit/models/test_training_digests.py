"""What a training plans: pieces named by everything that makes them, none it could not judge."""

from dataclasses import replace

import pytest

from models.booster import BoosterParams, library_versions
from models.manifest import LabelRule
from models.train import work_shard
from models.training import plan
from models.training.search import name_of, settings_of
from models.training.tenancy import FOLDER
from shared.domain.errors import BadInput
from tests.swiftly import WALK
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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"walk": replace(WALK, folds=1)}, "test at least two"),
        ({"label": LabelRule(horizon=168)}, r"3\d days are tested, 70 are needed.*--test-days"),
    ],
)
def test_what_could_not_be_judged_afterwards_is_refused_before_any_work(tmp_path, changes, said):
    with pytest.raises(BadInput, match=said):
        work_shard(weak_markets(), quick(**changes), tmp_path, (0, 1), lambda _text, _share: None)
    assert not list(tmp_path.iterdir())
