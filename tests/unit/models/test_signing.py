import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from models.signing import (
    NOBODY,
    NotTrusted,
    Signer,
    Trust,
    check_signature,
    key_id,
    load_signer,
    new_key,
    trusted_keys,
)
from shared.domain.errors import BadInput
from tests.conftest import REPOSITORY


def test_the_first_vector_of_the_standard_is_signed_as_the_standard_says():
    """RFC 8032, 7.1, test 1: the empty message."""
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signer = Signer(private=ed25519.Ed25519PrivateKey.from_private_bytes(secret))
    assert signer.public_text == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert signer.signature(b"").decode() == (
        f"ed25519 {signer.key_id} "
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
        "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b\n"
    )
    assert signer.key_id == key_id(signer.public) == "21fe31dfa154a261"


def test_what_was_signed_is_recognised_and_nothing_else(tmp_path):
    signer, stranger = new_key(tmp_path / "a.pem"), new_key(tmp_path / "b.pem")
    signature = signer.signature(b"manifest")
    assert check_signature(b"manifest", signature, signer.trust) == signer.key_id
    for content, seal, trust, reason in (
        (b"Manifest", signature, signer.trust, "bad_signature"),
        (b"manifest", signature, stranger.trust, "unknown_key"),
        (b"manifest", signature, NOBODY, "unknown_key"),
        (b"manifest", None, signer.trust, "unsigned"),
        (b"manifest", b"", signer.trust, "bad_signature"),
    ):
        with pytest.raises(NotTrusted) as caught:
            check_signature(content, seal, trust)
        assert caught.value.reason == reason


def test_a_key_that_claims_anothers_id_proves_nothing(tmp_path):
    signer, stranger = new_key(tmp_path / "a.pem"), new_key(tmp_path / "b.pem")
    forged = stranger.signature(b"m").replace(stranger.key_id.encode(), signer.key_id.encode())
    with pytest.raises(NotTrusted, match="not what key"):
        check_signature(b"m", forged, signer.trust)


def test_several_keys_may_be_trusted_at_once(tmp_path):
    signers = [new_key(tmp_path / f"{name}.pem") for name in "ab"]
    trust = Trust(keys=trusted_keys([one.public_text for one in signers]))
    for signer in signers:
        assert check_signature(b"m", signer.signature(b"m"), trust) == signer.key_id


def test_a_private_key_is_for_its_owner_alone_and_is_never_printed(tmp_path):
    path = tmp_path / "keys" / "model_signing.pem"
    signer = new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert new_key(path).key_id == load_signer(path).key_id == signer.key_id
    assert load_signer(path.read_bytes()).key_id == signer.key_id
    assert "private" not in repr(signer).lower()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_all_who_make_the_first_key_at_once_get_the_same(tmp_path):
    """Two processes of four threads each."""
    path = tmp_path / "keys" / "model_signing.pem"
    program = (
        "import sys; from pathlib import Path; from models.signing import new_key;"
        "print(new_key(Path(sys.argv[1])).key_id)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, cwd=REPOSITORY
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(4) as pool:
        mine = {one.key_id for one in pool.map(new_key, [path] * 40)}
    theirs = {process.communicate(timeout=60)[0].decode().strip() for process in started}
    assert mine == theirs == {load_signer(path).key_id}


def _pem(private, encryption):
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def test_what_is_no_private_key_is_named(tmp_path):
    locked = _pem(
        ed25519.Ed25519PrivateKey.generate(), serialization.BestAvailableEncryption(b"secret")
    )
    other = _pem(rsa.generate_private_key(65537, 2048), serialization.NoEncryption())
    for pem, problem in ((b"", "no private key"), (locked, "no private key"), (other, "kind")):
        with pytest.raises(BadInput, match=problem):
            load_signer(pem)
    with pytest.raises(BadInput, match="No such file"):
        load_signer(tmp_path / "absent.pem")


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "a" * 65, "ssh-ed25519 AAAA"])
def test_what_is_no_public_key_is_named(text):
    with pytest.raises(BadInput, match="is no public key"):
        trusted_keys([text])
