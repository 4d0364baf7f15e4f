import json
import shutil
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from models.artifact import MAX_BYTES, ArtifactRefused, verify, write_release
from models.features import schema_hash
from models.manifest import FILES, RELEASE_ID, release_id, scope_of
from models.scorer import load
from shared.domain.enums import Interval
from shared.domain.errors import Conflict, Refused
from tests.unit.models.trained_models import MARKET, NOW, train_into


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return train_into(tmp_path_factory.mktemp("written"))


@pytest.fixture
def release(written, tmp_path):
    path = tmp_path / written[0].path.name
    shutil.copytree(written[0].path, path)
    return path


def claims(path, **changes):
    """Change the manifest; hashes stay what they were."""
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, **changes}))


def resealed(path, name, content):
    """Replace one file and its hash, as an honest but broken writer would."""
    (path / name).write_bytes(content)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    (path / "manifest.json").write_text(json.dumps(manifest))


def refusal(path, **kwargs):
    with pytest.raises(ArtifactRefused) as caught:
        load(path, **kwargs)
    assert isinstance(caught.value, Refused)
    assert caught.value.detail.startswith(caught.value.reason)
    return caught.value.reason


def test_what_was_written_is_what_is_served(written):
    for info in written:
        contents = verify(info.path, MARKET)
        assert contents.manifest.release_id == info.release_id == info.path.name
        assert set(contents.manifest.files) == set(FILES)
        assert {entry.name for entry in info.path.iterdir()} == {*FILES, "manifest.json"}
        assert load(info.path, MARKET).release_id == info.release_id


def test_a_manifest_tells_where_the_model_comes_from(written):
    manifest = json.loads((written[1].path / "manifest.json").read_text())
    assert manifest["schema_hash"] == schema_hash(3600)
    assert manifest["symbols"] == ["BTC-USDT"]
    assert manifest["venue"] == "made"
    assert manifest["references"] == {"BTC-USDT": "ETH-USDT"}
    assert manifest["label"]["horizon"] == 24
    assert manifest["device"] == manifest["device_requested"] == "cpu"
    assert manifest["versions"].keys() >= {"python", "xgboost", "numpy"}
    assert len(manifest["data_fingerprint"]) == 64
    ends = [window["last_at"] for window in manifest["windows"].values()]
    assert ends == sorted(ends)
    assert list(manifest["windows"]) == ["train", "stopping", "calibration", "holdout"]


def test_one_flipped_byte_anywhere_is_refused_before_anything_is_read(release):
    draw = np.random.default_rng(1)
    for name in FILES:
        content = (release / name).read_bytes()
        for at in draw.integers(0, len(content), 5):
            tampered = bytearray(content)
            tampered[at] ^= 1
            (release / name).write_bytes(tampered)
            assert refusal(release) == "hash_mismatch"
        (release / name).write_bytes(content[:-1])
        assert refusal(release) == "hash_mismatch"
        (release / name).write_bytes(content)
    load(release)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_refused(release, name):
    (release / name).unlink()
    assert refusal(release) == "missing_file"


def test_a_release_that_is_not_there_is_a_missing_file(tmp_path):
    assert refusal(tmp_path / "nothing") == "missing_file"


@pytest.mark.parametrize("name", ["model.joblib", "old.pkl", "MODEL.PKL", "x.pickle", "x.pkl.gz"])
def test_a_release_beside_a_pickle_is_refused_whole(release, name):
    (release / name).write_bytes(b"cos\nsystem\n(S'echo'\ntR.")
    assert refusal(release) == "pickle"


def test_a_file_nobody_announced_is_refused(release):
    (release / "notes.txt").write_text("hello")
    assert refusal(release) == "unexpected_file"


def test_a_folder_inside_is_refused(release):
    (release / "more").mkdir()
    assert refusal(release) == "unexpected_file"


def test_no_link_is_followed(release, tmp_path):
    elsewhere = tmp_path / "booster.ubj"
    shutil.move(release / "booster.ubj", elsewhere)
    (release / "booster.ubj").symlink_to(elsewhere)
    assert refusal(release) == "symlink"
    linked = tmp_path / "linked"
    linked.symlink_to(release)
    assert refusal(linked) == "symlink"


def test_a_release_above_the_size_limit_is_not_read(release):
    with (release / "booster.ubj").open("ab") as file:
        file.truncate(MAX_BYTES + 1)
    assert refusal(release) == "too_large"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"release_id": 3}', "\xff"])
def test_a_manifest_that_cannot_be_read_is_refused(release, text):
    (release / "manifest.json").write_bytes(text.encode("latin-1"))
    assert refusal(release) == "unreadable_manifest"


def test_a_release_under_another_name_is_refused(release):
    other = release.with_name(release.name.replace("GLOBAL", "ETHUSDT"))
    release.rename(other)
    assert refusal(other) == "unreadable_manifest"


def test_a_model_of_other_features_or_candles_is_refused(release):
    assert refusal(release, market=replace(MARKET, interval=Interval.M1)) == "interval_mismatch"
    assert refusal(release, market=replace(MARKET, venue="binance")) == "venue_mismatch"
    beside = replace(MARKET, references={"ETH-USDT": "SOL-USDT"})
    assert refusal(release, market=beside) == "reference_mismatch"
    claims(release, schema_hash=schema_hash(60))
    assert refusal(release) == "schema_mismatch"


def test_a_model_of_a_newer_writer_or_format_is_refused(release):
    for version in ("3.3.0", "4.0.0", "10.1", "", "x.y"):
        claims(release, versions={"xgboost": version})
        assert refusal(release) == "newer_xgboost"
    claims(release, versions={"xgboost": "3.0.5"})
    load(release)
    claims(release, format_version=2)
    assert refusal(release) == "format_mismatch"


def test_a_model_that_no_longer_gives_its_stored_answers_is_refused(release):
    stored = json.loads((release / "self_test.json").read_text())
    stored["probabilities"][7] += 2e-6
    resealed(release, "self_test.json", json.dumps(stored).encode())
    assert refusal(release) == "self_test"
    for emptied in ({"vectors": [], "probabilities": []}, {"vectors": [[1.0]]}):
        resealed(release, "self_test.json", json.dumps({**stored, **emptied}).encode())
        assert refusal(release) == "self_test"


def test_a_calibrator_that_was_changed_fails_the_stored_rows(release):
    fitted = json.loads((release / "calibrator.json").read_text())
    fitted["B"] += 0.01
    resealed(release, "calibrator.json", json.dumps(fitted).encode())
    assert refusal(release) == "self_test"


@pytest.mark.parametrize("name", [name for name in FILES if name != "metrics.json"])
def test_a_file_of_another_shape_is_refused_even_with_its_hash(release, name):
    resealed(release, name, b"[1, 2]")
    assert refusal(release) == "unreadable_file"


def test_releases_never_change(written, tmp_path):
    contents = verify(written[0].path)
    first = write_release(tmp_path, contents.manifest, contents.files)
    with pytest.raises(Conflict, match="exists already"):
        write_release(tmp_path, contents.manifest, contents.files)
    assert load(first).release_id == written[0].release_id


def test_what_a_killed_writer_left_is_no_release_and_is_swept(written, tmp_path):
    contents = verify(written[0].path)
    left = tmp_path / "GLOBAL" / f".staging-{contents.manifest.release_id}"
    left.mkdir(parents=True)
    (left / "old.pkl").write_bytes(b"half")
    path = write_release(tmp_path, contents.manifest, contents.files)
    assert not left.exists()
    load(path)


def test_names_are_those_of_the_seed():
    name = release_id(scope_of("BTC-USDT"), "full_dataset", "gpu", NOW)
    assert name == "BTCUSDT_full_dataset_gpu_xgboost_model_20261121_013000"
    assert RELEASE_ID.fullmatch(name)
    assert RELEASE_ID.fullmatch(release_id("GLOBAL", "recent_90d", "cpu", NOW))
    for bad in ("../GLOBAL" + name[7:], name + ".joblib", name.lower()):
        assert not RELEASE_ID.fullmatch(bad)
