"""`trading models import-legacy`: pickles that are what they say, and pickles that are not."""

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import joblib
import numpy as np
import pytest
import xgboost
from typer.testing import CliRunner

from launcher.cli import application
from launcher.model_extraction import LegacyRefused, check_features, extract
from launcher.model_keys import trust_of
from models.aliases import Role
from models.features import FEATURE_NAMES
from models.registry import Registry
from shared.runtime.settings import PlatformSettings, load


def trained(names=FEATURE_NAMES, **changes):
    """A classifier as somebody's notebook makes one."""
    draw = np.random.default_rng(3)
    inputs = draw.normal(size=(600, len(names))).astype(np.float32)
    won = (inputs[:, 0] + draw.normal(size=600) > 0).astype(int)
    model = xgboost.XGBClassifier(n_estimators=30, max_depth=3, n_jobs=1, **changes)
    model.fit(inputs, won)
    if names is not None and names[0]:
        model.get_booster().feature_names = list(names)
    return model


class Plant:
    """Unpickling this touches a file: any other command would run as well."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def may_leave_its_network():
    asked = ["unshare", "--net", "true"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


@pytest.fixture
def legacy(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_STATE_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("MARKET__INSTRUMENTS", "BTC-USDT")
    monkeypatch.setenv("COLUMNS", "240")

    def run(file, *words, digest=None):
        known = digest or sha256(Path(file).read_bytes()).hexdigest()
        asked = ["models", "import-legacy", str(file), "--sha256", known, *words]
        return CliRunner().invoke(application(asked), asked)

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump(trained(), path)
    return path


def test_a_classifier_of_before_waits_in_shadow_behind_a_shut_gate(legacy, file, tmp_path):
    result = legacy(file, "--i-trust-this", "--symbol", "BTC-USDT")
    assert result.exit_code == 0, result.output
    assert "waits in shadow" in result.output
    settings = load(PlatformSettings)
    registry = Registry(tmp_path / "var" / "models", trust=trust_of(settings))
    (listing,) = registry.releases()
    assert listing.roles == (Role.CHALLENGER, Role.SHADOW)
    release = listing.manifest.release_id
    assert release.startswith("BTCUSDT_recent_180d_cpu_xgboost_model_")
    assert registry.verify(release).signed_by
    assert listing.manifest.params["imported_sha256"] == sha256(file.read_bytes()).hexdigest()
    vectors = np.random.default_rng(5).normal(size=(50, len(FEATURE_NAMES))).astype(np.float32)
    ours = registry.load(release).margins(vectors)
    theirs = trained().predict(vectors, output_margin=True)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert registry.refresh() == ()
    asked = ["db", "migrate"]
    assert CliRunner().invoke(application(asked), asked).exit_code == 0
    promote = ["models", "promote", release]
    refused = CliRunner().invoke(application(promote), promote)
    assert refused.exit_code == 3
    assert "walk-forward record" in refused.output
    assert "gate_refused: BTCUSDT should not trade: nobody here saw it being made" in refused.output
    promote += ["--override", "dry run"]
    assert CliRunner().invoke(application(promote), promote).exit_code == 0


@pytest.mark.parametrize(
    ("digest", "code", "says"),
    [("0" * 64, 3, "hash_mismatch"), ("abc", 2, "64 digits"), ("g" * 64, 2, "64 digits")],
)
def test_another_file_than_the_one_that_was_meant_is_not_opened(
    legacy, tmp_path, digest, code, says
):
    planted, touched = tmp_path / "x.joblib", tmp_path / "touched"
    joblib.dump(Plant(touched), planted)
    result = legacy(planted, "--i-trust-this", digest=digest)
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert not touched.exists()


def test_without_trust_nothing_is_opened(legacy, tmp_path):
    planted, touched = tmp_path / "x.joblib", tmp_path / "touched"
    joblib.dump(Plant(touched), planted)
    result = legacy(planted)
    assert (result.exit_code, "pickle: opening x.joblib runs" in result.output) == (3, True)
    assert not touched.exists()


def test_in_live_no_pickle_is_opened_at_all(legacy, tmp_path, monkeypatch):
    planted, touched = tmp_path / "x.joblib", tmp_path / "touched"
    joblib.dump(Plant(touched), planted)
    monkeypatch.setenv("TRADING_MODE", "live")
    result = legacy(planted, "--i-trust-this")
    assert (result.exit_code, "in live mode" in result.output) == (3, True)
    assert not touched.exists()


def test_trusted_code_runs_in_the_child_alone_and_becomes_no_release(legacy, tmp_path):
    """The plant does run: that is what trusting means. This process only hears that it failed."""
    planted, told = tmp_path / "x.joblib", tmp_path / "told"
    told.mkdir()
    joblib.dump(Telling(told), planted)
    result = legacy(planted, "--i-trust-this")
    assert (result.exit_code, "no booster" in result.output) == (3, True), result.output
    who = int((told / "pid").read_text())
    assert who != os.getpid()
    environment = (told / "environment").read_text()
    assert "TRADING_STATE_DIR" not in environment
    if may_leave_its_network():
        assert (told / "network").read_text() == "['lo']"
    assert not (tmp_path / "var" / "models").exists()


class Telling:
    """Code that tells where it ran and what it could see."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        said = (
            f"__import__('pathlib').Path({str(self.folder)!r}, 'pid')"
            ".write_text(str(__import__('os').getpid())) and "
            f"__import__('pathlib').Path({str(self.folder)!r}, 'environment')"
            ".write_text(str(dict(__import__('os').environ))) and "
            f"__import__('pathlib').Path({str(self.folder)!r}, 'network')"
            ".write_text(str([name for _, name in __import__('socket').if_nameindex()]))"
        )
        return eval, (said,)


@pytest.mark.parametrize(
    ("names", "reason", "says"),
    [
        (FEATURE_NAMES[:85], "schema_mismatch", "85 features"),
        ((*FEATURE_NAMES[:85], "mine"), "schema_mismatch", "'mine'"),
        (FEATURE_NAMES[::-1], "reordered", "another order"),
        ((*FEATURE_NAMES, FEATURE_NAMES[0]), "schema_mismatch", "87 features"),
        (None, "schema_mismatch", "without feature names"),
    ],
    ids=["fewer", "another", "order", "twice", "nameless"],
)
def test_other_features_are_refused_by_name(names, reason, says):
    with pytest.raises(LegacyRefused, match=says) as found:
        check_features(None if names is None else list(names))
    assert found.value.reason == reason


@pytest.mark.parametrize(
    ("make", "reason", "says"),
    [
        (lambda: trained((*FEATURE_NAMES[:85], "mine")), "schema_mismatch", "'mine'"),
        (lambda: {"model": 1}, "unreadable_file", "builtins.dict"),
        (lambda: trained(missing=-999.0), "unreadable_file", "-999 for missing"),
        (lambda: trained(objective="binary:logitraw"), "unreadable_file", "binary:logistic"),
    ],
    ids=["another", "dict", "missing", "objective"],
)
def test_what_this_engine_cannot_ask_is_refused_by_name(tmp_path, make, reason, says):
    joblib.dump(make(), tmp_path / "model")
    with pytest.raises(LegacyRefused, match=says) as found:
        extract((tmp_path / "model").read_bytes())
    assert found.value.reason == reason


def test_what_is_no_pickle_ends_in_words():
    with pytest.raises(LegacyRefused, match="cannot be opened"):
        extract(b"nonsense")
