"""The image: what the Dockerfile promises, what goes into a build, and what the first word chooses."""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from packaging.version import Version

from launcher.assembly import NAMES
from tests.conftest import REPOSITORY, spare_port

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
ENTRYPOINT = REPOSITORY / "deploy" / "image" / "entrypoint.sh"
HEALTHCHECK = REPOSITORY / "deploy" / "image" / "healthcheck.py"
REPORT = REPOSITORY / "deploy" / "image" / "report.py"
PACKAGES = re.search(
    r"^PACKAGES := (.*?\\\n.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE
)
REGISTRY = re.compile(r"\b[a-z0-9-]+(\.[a-z0-9-]+)*\.(io|com|dev|org|gcr|cloud)/|localhost[:/]")


def instructions(text):
    """The Dockerfile's instructions as (word, rest), continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


INSTRUCTIONS = instructions(DOCKERFILE)


def stages():
    found = {}
    for word, rest in INSTRUCTIONS:
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = (base, [])
        elif found:
            found[name][1].append((word, rest))
    return found


def lineage(name):
    """The instructions of a stage and of all it is built on, without what it only copies from."""
    base, own = stages()[name]
    return [*(lineage(base) if base in stages() else []), *own]


def test_no_file_of_the_image_names_a_registry_or_a_moving_tag():
    for path in (REPOSITORY / "Dockerfile", REPOSITORY / "compose.yaml"):
        text = "\n".join(
            line for line in path.read_text().splitlines() if re.search("FROM|IMAGE|image:", line)
        )
        assert ":latest" not in text, path
        assert not REGISTRY.search(text), path
    bases = [base for base, _ in stages().values() if base not in stages()]
    assert bases == ["${PYTHON_IMAGE}"]
    assert "ARG PYTHON_IMAGE=python:3.11-slim-bookworm" in DOCKERFILE


@pytest.mark.parametrize("target", ["platform", "trainer-gpu"])
def test_an_image_runs_as_nobody_special_and_holds_no_tools(target):
    steps = lineage(target)
    assert [rest for word, rest in steps if word == "USER"] == ["10001:10001"]
    assert not any(word == "ADD" for word, _ in steps)
    runs = " ".join(rest for word, rest in steps if word == "RUN")
    assert not re.search(r"\b(pip|apt-get|apt|gcc|curl|wget)\b", runs)
    assert ("ENTRYPOINT", '["/usr/local/bin/entrypoint"]') in steps


def test_the_default_target_is_the_platform_and_only_the_trainer_has_the_cuda_build():
    assert list(stages())[-1] == "platform"
    assert "gpu" not in " ".join(rest for _, rest in lineage("platform"))
    assert ("COPY", "--from=dependencies-gpu /opt/gpu /opt/gpu") in lineage("trainer-gpu")


def test_both_builds_of_xgboost_are_of_one_release_and_pinned_by_hash():
    cpu, gpu = (
        re.search(
            rf"^{name}==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{{64}}(?: \\)?\n?)+)",
            text,
            re.MULTILINE,
        )
        for name, text in (
            ("xgboost-cpu", (REPOSITORY / "requirements.lock").read_text()),
            ("xgboost", (REPOSITORY / "requirements-gpu.lock").read_text()),
        )
    )
    assert cpu is not None
    assert gpu is not None
    assert Version(cpu[1]) == Version(gpu[1])


def test_what_is_installed_is_checked_by_hash_and_where_from_is_not_kept():
    installs = [rest for word, rest in INSTRUCTIONS if word == "RUN" and "--requirement" in rest]
    assert len(installs) == 2
    for one in installs:
        assert "--require-hashes" in one
        assert "--mount=type=secret,id=pip,target=/etc/pip.conf" in one
    assert "index-url" not in DOCKERFILE


def allowed():
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return [rule[1:] for rule in rules if rule.startswith("!")], rules


def test_nothing_goes_into_a_build_but_the_packages_and_what_installs_them():
    named, rules = allowed()
    assert PACKAGES is not None
    packages = PACKAGES[1].replace("\\\n", " ").split()
    files = {"pyproject.toml", "requirements.lock", "requirements-gpu.lock", "README.md", "LICENSE"}
    assert set(named) == {*packages, *files, "deploy", "deploy/image"}
    assert "deploy/*" in rules  # of what is deployed, the image's own files alone
    assert {"**/*.pem", "**/*.env", "**/__pycache__"} <= set(rules)
    for path in (*packages, *files):
        assert (REPOSITORY / path).exists(), path


def test_every_file_that_is_copied_from_the_build_is_allowed_there():
    named, _ = allowed()
    for word, rest in INSTRUCTIONS:
        if word != "COPY" or "--from=" in rest or rest == ". .":
            continue
        source = next(part for part in rest.split() if not part.startswith("--"))
        assert any(source == one or source.startswith(f"{one}/") for one in named), source
        assert (REPOSITORY / source).is_file()


@pytest.fixture
def start(tmp_path):
    """Runs the entrypoint with programs that say how they were called."""
    programs, prepared = tmp_path / "bin", tmp_path / "prepared"
    programs.mkdir()
    (prepared / "features_1").mkdir(parents=True)
    (prepared / "features_1" / "step.nbi").write_text("compiled")
    for name in ("python", "trading"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" by $$\n')
        (programs / name).chmod(0o755)

    def run(*words, cache=tmp_path / "numba"):
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "NUMBA_CACHE_DIR": str(cache),
            "NUMBA_PREPARED_DIR": str(prepared),
        }
        with subprocess.Popen(
            [ENTRYPOINT, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            out, err = process.communicate(timeout=20)
        return process, out.strip(), err

    return run


@pytest.mark.parametrize("service", NAMES)
def test_the_name_of_a_service_starts_it_as_the_very_process(start, service):
    process, out, _ = start(service)
    assert process.returncode == 0
    assert out == f"python -m {service} by {process.pid}"  # signals reach it: it was exec'd


def test_the_command_keeps_its_words_as_they_are(start):
    process, out, _ = start("trading", "data", "check", "a b.csv")
    assert out == f"trading data check a b.csv by {process.pid}"


@pytest.mark.parametrize("words", [(), ("dashboard2",), ("sh",), ("-m",)])
def test_anything_else_is_refused_with_what_there_is(start, words):
    process, out, err = start(*words)
    assert (process.returncode, out) == (2, "")
    assert all(name in err for name in (*NAMES, "trading"))


def test_what_the_build_compiled_is_put_where_it_can_be_read_and_an_own_cache_is_kept(
    start, tmp_path
):
    start("risk")
    kept = tmp_path / "numba" / "features_1" / "step.nbi"
    assert kept.read_text() == "compiled"
    kept.write_text("newer")
    start("risk")
    assert kept.read_text() == "newer"


def test_without_a_writable_folder_it_says_what_to_mount(start):
    process, out, err = start("signal_generator", cache="/proc/numba")
    assert (process.returncode, out) == (78, "")
    assert "mount something writable" in err


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_container_is_healthy_when_its_service_is_ready(status, code):
    asked = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"status": "not_ready"}')

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        port = str(server.server_address[1])
        told = subprocess.run(
            [sys.executable, "-ISE", HEALTHCHECK, port], capture_output=True, text=True, check=False
        )
        thread.join()
    assert (told.returncode, asked) == (code, ["/health/ready"])
    assert "not_ready" in told.stdout


def test_a_service_that_does_not_answer_is_not_healthy():
    told = subprocess.run(
        [sys.executable, "-ISE", HEALTHCHECK, str(spare_port())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert "refused" in told.stdout


def test_the_wheel_holds_every_module_and_everything_that_is_read_at_run_time(tmp_path):
    source = tmp_path / "source"
    assert PACKAGES is not None
    packages = PACKAGES[1].replace("\\\n", " ").split()
    for name in packages:
        shutil.copytree(
            REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source / name)
    code = (
        "from setuptools.build_meta import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tmp_path],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        str(path.relative_to(source))
        for name in packages
        for path in (source / name).rglob("*")
        if path.is_file() and path.name != "script.py.mako"  # a form for new migrations
    }
    assert needed - held == set()


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
