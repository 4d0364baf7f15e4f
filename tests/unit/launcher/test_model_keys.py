import os
import subprocess
import sys

import pytest

from launcher.model_keys import signer_of, trust_of
from models.signing import NOBODY, new_key
from shared.runtime.configuration import ConfigurationError
from shared.runtime.settings import PlatformSettings, load
from tests.conftest import REPOSITORY

PINNED = "SIGNAL_GENERATOR__MODEL_PUBLIC_KEYS"


def settings(folder, **told):
    return load(PlatformSettings, trading_state_dir=folder, **told)


def test_the_first_training_makes_a_key_that_the_services_of_this_folder_believe(tmp_path):
    here = settings(tmp_path)
    assert trust_of(here) == NOBODY
    signer = signer_of(here)
    assert trust_of(here) == signer.trust
    assert signer_of(here).key_id == signer.key_id
    folder = tmp_path / "keys"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "model_signing.pem").stat().st_mode & 0o777 == 0o600
    assert (folder / "model_signing.pub").read_text() == f"{signer.public_text}\n"
    assert trust_of(settings(tmp_path / "elsewhere")) == NOBODY


def test_a_given_key_signs_and_joins_those_that_are_believed_here(tmp_path):
    own = signer_of(settings(tmp_path))
    given = new_key(tmp_path / "given.pem")
    told = settings(tmp_path, trading_model_signing_key_file=tmp_path / "given.pem")
    for _ in range(2):
        assert signer_of(told).key_id == given.key_id
    assert list(trust_of(told).keys) == [own.key_id, given.key_id]


def test_pinned_keys_are_the_only_ones_believed(tmp_path, monkeypatch):
    signer_of(settings(tmp_path))
    pinned = [new_key(tmp_path / name) for name in ("a.pem", "b.pem")]
    monkeypatch.setenv(PINNED, ", ".join(one.public_text for one in pinned))
    assert set(trust_of(settings(tmp_path)).keys) == {one.key_id for one in pinned}


def test_keys_that_cannot_be_used_are_named(tmp_path, monkeypatch):
    here = settings(tmp_path)
    signer_of(here)
    (tmp_path / "keys" / "model_signing.pub").write_text("nonsense\n")
    with pytest.raises(ConfigurationError, match=r"model_signing\.pub: 'nonsense' is no public"):
        trust_of(here)
    (tmp_path / "keys" / "model_signing.pem").write_text("nonsense\n")
    with pytest.raises(ConfigurationError, match="keys: is no private key"):
        signer_of(here)
    absent = settings(tmp_path, trading_model_signing_key_file=tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="TRADING_MODEL_SIGNING_KEY_FILE"):
        signer_of(absent)
    monkeypatch.setenv(PINNED, "nonsense")
    with pytest.raises(ConfigurationError, match=f"{PINNED}.*64 digits"):
        trust_of(here)


def test_unsigned_models_are_tolerated_where_asked_for_but_never_in_live(tmp_path):
    for mode in ("mock", "paper"):
        told = settings(tmp_path, trading_mode=mode, allow_unsigned_models=True)
        assert trust_of(told).tolerates_unsigned
        assert not trust_of(settings(tmp_path, trading_mode=mode)).tolerates_unsigned
    with pytest.raises(ConfigurationError, match=r"ALLOW_UNSIGNED_MODELS .* refused in live"):
        settings(tmp_path, trading_mode="live", allow_unsigned_models=True)


def test_a_service_does_not_start_in_live_mode_with_unsigned_models(tmp_path):
    told = {
        "TRADING_MODE": "live",
        "ALLOW_UNSIGNED_MODELS": "1",
        "TRADING_STATE_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "signal_generator"],
        env={**os.environ, **told},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
    )
    assert done.returncode == 78
    assert "ALLOW_UNSIGNED_MODELS" in done.stdout + done.stderr
