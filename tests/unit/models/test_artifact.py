import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import numpy as np
import pytest

from models.artifact import MAX_BYTES, ArtifactRefused, verify, write_release
from models.features import FEATURE_NAMES, schema_hash
from models.manifest import (
    CARD,
    EVALUATION,
    FILES,
    GATE,
    OPTIONAL_FILES,
    RELEASE_ID,
    REPORT,
    release_id,
    scope_of,
)
from models.scorer import load
from models.signing import ANY_UNSIGNED, NOBODY, Trust
from shared.domain.enums import Interval
from shared.domain.errors import Conflict, Refused
from tests.unit.models.made_releases import (
    MARKET,
    NOW,
    SIGNER,
    STRANGER,
    TRUST,
    booster,
    files_of,
    put,
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return put(tmp_path_factory.mktemp("written"))


@pytest.fixture
def release(written, tmp_path):
    path = tmp_path / written.name
    shutil.copytree(written, path)
    return path


def claims(path, signer=SIGNER, **changes):
    """Change the manifest and sign it again; hashes stay what they were."""
    manifest = json.loads((path / "manifest.json").read_text())
    sealed(path, json.dumps({**manifest, **changes}).encode(), signer)


def sealed(path, manifest, signer=SIGNER):
    (path / "manifest.json").write_bytes(manifest)
    (path / "manifest.sig").write_bytes(signer.signature(manifest))


def resealed(path, name, content):
    """Replace one file, its hash and the signature, as an honest but broken trainer would."""
    (path / name).write_bytes(content)
    files = json.loads((path / "manifest.json").read_text())["files"]
    entry = {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
    claims(path, files={**files, name: entry})


def refusal(path, trust=TRUST, **kwargs):
    with pytest.raises(ArtifactRefused) as caught:
        load(path, trust=trust, **kwargs)
    assert isinstance(caught.value, Refused)
    assert caught.value.detail.startswith(caught.value.reason)
    return caught.value.reason


def test_what_was_written_is_what_is_served(written):
    contents = verify(written, MARKET, trust=TRUST)
    assert contents.manifest.release_id == written.name
    assert contents.signed_by == SIGNER.key_id
    assert set(contents.manifest.files) == set(FILES)
    names = {entry.name for entry in written.iterdir()}
    assert names == {*FILES, "manifest.json", "manifest.sig"}
    assert load(written, MARKET, trust=TRUST).release_id == written.name


def test_a_release_without_a_signature_is_refused_unless_that_is_tolerated(release):
    (release / "manifest.sig").unlink()
    assert refusal(release) == "unsigned"
    assert refusal(release, trust=NOBODY) == "unsigned"
    tolerant = Trust(keys=TRUST.keys, tolerates_unsigned=True)
    for trust in (tolerant, ANY_UNSIGNED):
        assert verify(release, trust=trust).signed_by is None


def test_tolerance_is_for_missing_signatures_and_not_for_wrong_ones(release):
    assert refusal(release, trust=ANY_UNSIGNED) == "unknown_key"
    claims(release, signer=STRANGER)
    tolerant = Trust(keys=TRUST.keys, tolerates_unsigned=True)
    for trust in (TRUST, tolerant, ANY_UNSIGNED, NOBODY):
        assert refusal(release, trust=trust) == "unknown_key"
    assert load(release, trust=STRANGER.trust)


def test_a_manifest_that_was_changed_after_signing_is_refused_before_it_is_interpreted(release):
    signature = (release / "manifest.sig").read_bytes()
    content = (release / "manifest.json").read_bytes()
    for changed in (content + b" ", content[:-1], b"{", b"", b"[" * 200_000):
        (release / "manifest.json").write_bytes(changed)
        assert refusal(release) == "bad_signature"
    sealed(release, content)
    assert (release / "manifest.sig").read_bytes() == signature
    load(release, trust=TRUST)


def test_one_changed_character_of_a_signature_is_refused(release):
    good = (release / "manifest.sig").read_bytes()
    for at in range(len(good) - 1):
        changed = bytearray(good)
        changed[at] = ord("1") if changed[at] != ord("1") else ord("2")
        (release / "manifest.sig").write_bytes(changed)
        assert refusal(release) in {"bad_signature", "unknown_key"}
    for other in (b"", good[:-2], good + b"x", good * 2, b"\xff" * len(good)):
        (release / "manifest.sig").write_bytes(other)
        assert refusal(release) == "bad_signature"


def test_a_signature_of_another_release_does_not_fit(release, tmp_path):
    other = put(tmp_path / "other", at=NOW + timedelta(days=1))
    shutil.copy(other / "manifest.sig", release / "manifest.sig")
    assert refusal(release) == "bad_signature"


def test_a_release_serves_until_it_expires(tmp_path):
    path = put(tmp_path, expires_at=NOW + timedelta(days=21))
    load(path, trust=TRUST, now=NOW + timedelta(days=21, seconds=-1))
    load(path, trust=TRUST)
    assert refusal(path, now=NOW + timedelta(days=21)) == "expired"
    claims(path, expires_at=None)
    load(path, trust=TRUST, now=NOW + timedelta(days=20_000))


@pytest.mark.parametrize("name", ["booster.ubj", "features.json"])
def test_the_engines_columns_in_another_order_are_refused_by_name(release, name):
    swapped = (FEATURE_NAMES[1], FEATURE_NAMES[0], *FEATURE_NAMES[2:])
    renamed = ("ret_0", *FEATURE_NAMES[1:])
    for names, reason in ((swapped, "reordered"), (renamed, "schema_mismatch")):
        if name == "booster.ubj":
            resealed(release, name, booster(0, names))
        else:
            sheet = json.loads((release / name).read_text())
            resealed(release, name, json.dumps({**sheet, "names": names}).encode())
        assert refusal(release) == reason


def test_pages_and_sheets_may_come_along_when_they_are_announced(tmp_path):
    more = {EVALUATION: b"{}", GATE: b"{}", REPORT: b"<html>", CARD: b"# A model"}
    path = put(tmp_path, files={**files_of(), **more})
    contents = load(path, trust=TRUST).manifest.files
    assert set(contents) == {*FILES, *more}
    for name in more:
        kept = (path / name).read_bytes()
        (path / name).write_bytes(kept + b" ")
        assert refusal(path) == "hash_mismatch"
        (path / name).unlink()
        assert refusal(path) == "missing_file"
        (path / name).write_bytes(kept)
    load(path, trust=TRUST)


@pytest.mark.parametrize("name", OPTIONAL_FILES)
def test_a_known_name_that_the_manifest_does_not_list_is_refused(release, name):
    (release / name).write_bytes(b"{}")
    assert refusal(release) == "unexpected_file"


def test_a_blend_needs_both_boosters_and_only_a_blend_has_two(tmp_path):
    path = put(tmp_path, "BTCUSDT", kind="blend")
    load(path, trust=TRUST)
    files = json.loads((path / "manifest.json").read_text())["files"]
    (path / "booster_global.ubj").unlink()
    assert refusal(path) == "missing_file"
    claims(path, files={name: entry for name, entry in files.items() if "global" not in name})
    assert refusal(path) == "missing_file"


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
    load(release, trust=TRUST)


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


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"release_id": 3}', "\xff", '{"x":' * 100_000, "[" * 100_000]
)
def test_a_manifest_that_cannot_be_read_is_refused(release, text):
    sealed(release, text.encode("latin-1"))
    assert refusal(release) == "unreadable_manifest"


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": "2026-11-21T01:30:00"},
        {"expires_at": "soon"},
        {"kind": "other"},
        {"label": {"horizon": 0}},
        {"label": {"k_stop": -1.0}},
        {"label": {"fee_ratio": 3.0}},
        {"files": {"booster.ubj": {"sha256": "", "bytes": -1}}},
        {"scope": "BTCUSDT"},
    ],
)
def test_claims_that_make_no_sense_are_refused(release, changes):
    claims(release, **changes)
    assert refusal(release) == "unreadable_manifest"


def test_a_manifest_names_no_file_outside(release, tmp_path):
    (tmp_path / "secret").write_bytes(b"1")
    files = json.loads((release / "manifest.json").read_text())["files"]
    entry = {"sha256": sha256(b"1").hexdigest(), "bytes": 1}
    claims(release, files={**files, "../secret": entry})
    assert refusal(release) == "missing_file"


def test_a_pipe_is_no_file_and_nobody_waits_for_it(release):
    (release / "manifest.json").unlink()
    os.mkfifo(release / "manifest.json")
    assert refusal(release) == "unexpected_file"


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
    load(release, trust=TRUST)
    claims(release, format_version=2)
    assert refusal(release) == "format_mismatch"


def test_a_model_that_no_longer_gives_its_stored_answers_is_refused(release):
    stored = json.loads((release / "self_test.json").read_text())
    stored["probabilities"][7] += 2e-6
    resealed(release, "self_test.json", json.dumps(stored).encode())
    assert refusal(release) == "self_test"
    short, ragged = stored["vectors"][:3], [*stored["vectors"][:15], [1.0]]
    for emptied in (
        {"vectors": [], "probabilities": []},
        {"vectors": [[1.0]]},
        {"vectors": short},
        {"vectors": ragged},
    ):
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
    contents = verify(written, trust=TRUST)
    first = write_release(tmp_path, contents.manifest, contents.files, SIGNER)
    with pytest.raises(Conflict, match="exists already"):
        write_release(tmp_path, contents.manifest, contents.files, SIGNER)
    assert load(first, trust=TRUST).release_id == written.name


def test_what_a_killed_writer_left_is_no_release_and_is_swept(written, tmp_path):
    contents = verify(written, trust=TRUST)
    left = tmp_path / "GLOBAL" / f".staging-{contents.manifest.release_id}"
    left.mkdir(parents=True)
    (left / "old.pkl").write_bytes(b"half")
    path = write_release(tmp_path, contents.manifest, contents.files, SIGNER)
    assert not left.exists()
    load(path, trust=TRUST)


def test_names_are_those_of_the_seed():
    name = release_id(scope_of("BTC-USDT"), "full_dataset", "gpu", NOW)
    assert name == "BTCUSDT_full_dataset_gpu_xgboost_model_20261121_013000"
    assert RELEASE_ID.fullmatch(name)
    assert RELEASE_ID.fullmatch(release_id("GLOBAL", "recent_90d", "cpu", NOW))
    for bad in ("../GLOBAL" + name[7:], name + ".joblib", name.lower()):
        assert not RELEASE_ID.fullmatch(bad)
