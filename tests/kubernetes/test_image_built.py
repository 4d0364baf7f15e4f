"""The image as it is built: what the report says of it, and that it starts on a read-only root."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from tests.conftest import REPOSITORY

REPORT = REPOSITORY / "deploy" / "image" / "report.py"


def test_the_report_adds_up_what_an_archive_holds(tmp_path):
    def blob(content):
        digest = hashlib.sha256(content).hexdigest()
        held[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}", "size": len(content)}

    held = {}
    layers = [blob(gzip.compress(b"a" * 3 * 1024 * 1024)), blob(b"b" * 1024 * 1024)]
    history = [
        {"created_by": "COPY a"},
        {"created_by": "ENV x", "empty_layer": True},
        {"created_by": "RUN b"},
    ]
    config = blob(json.dumps({"history": history}).encode())
    manifest = blob(json.dumps({"config": config, "layers": layers}).encode())
    held["index.json"] = json.dumps({"manifests": [manifest]}).encode()
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as file:
        for name, content in held.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    told = subprocess.run(
        [sys.executable, REPORT, archive], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=2) for line in told.stdout.splitlines()]
    assert [row[1:] for row in rows] == [
        ["3.0", "COPY a"], ["1.0", "RUN b"], ["4.0", "MiB to pull, MiB on disk"],
    ]  # fmt: skip


BASE = os.environ.get("TRADING_TEST_BASE", "")
OPTIONS = os.environ.get("TRADING_TEST_BUILD_OPTIONS", "").split()


@pytest.mark.long
@pytest.mark.skipif(
    not BASE or shutil.which("buildah") is None,
    reason="needs buildah, and the base image in TRADING_TEST_BASE (docs/image.md)",
)
def test_the_image_builds_and_starts_on_a_root_that_nobody_can_write_to(tmp_path):
    tag = "localhost/crypto-trading-engine:test"
    build = ["buildah", "build", "--isolation", "chroot", "--layers", "--target", "platform"]
    subprocess.run(
        [*build, "--build-arg", f"PYTHON_IMAGE={BASE}", "--tag", tag, *OPTIONS, "."],
        cwd=REPOSITORY, check=True,
    )  # fmt: skip
    container = subprocess.check_output(["buildah", "from", tag], text=True).strip()
    run = ["buildah", "run", "--isolation", "chroot", container, "--"]
    try:
        wrong = subprocess.run(
            [*run, "entrypoint", "nothing"], capture_output=True, text=True, check=False
        )
        assert wrong.returncode == 2
        code = (
            "import os, time; assert os.getuid() == 10001; assert not os.access('/opt/trading', os.W_OK); "
            "from models.features import load_compiled; t = time.process_time(); load_compiled(); "
            "print(time.process_time() - t)"
        )
        prepare = 'cp -R "$NUMBA_PREPARED_DIR" "$NUMBA_CACHE_DIR" && python -c "$1"'
        told = subprocess.check_output([*run, "sh", "-c", prepare, "sh", code], text=True)
        assert float(told) < 3  # found in the cache; compiling takes more than ten
    finally:
        subprocess.run(["buildah", "rm", container], check=True, stdout=subprocess.DEVNULL)
