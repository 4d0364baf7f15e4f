"""The image: what the Dockerfile promises, and what goes into a build."""

import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.version import Version

from tests.conftest import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
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
