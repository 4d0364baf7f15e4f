"""The manifests of the weekly training: what must hold before a cluster sees them."""

import inspect
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from launcher import console, training
from models.aliases import Role, read_aliases
from models.artifact import verify
from models.signing import new_key
from shared.runtime.settings import PlatformSettings
from signal_generator.settings import SignalGeneratorSettings

FOLDER = Path(__file__).parents[2] / "k8s" / "components" / "training"
VOLUME = FOLDER.parent / "models" / "volume.yaml"
ENTRYPOINT = FOLDER.parents[2] / "deploy" / "image" / "entrypoint.sh"
SHARDS, PUBLISHER = "train-shards", "publish-models"


@cache
def documents():
    found = {}
    for path in (*sorted(FOLDER.glob("*.yaml")), VOLUME):
        for document in yaml.safe_load_all(path.read_text()):
            name = document.get("metadata", {}).get("name", path.stem)
            found[document["kind"], name] = document
    return found


def job(name):
    return documents()["CronJob", name]["spec"]["jobTemplate"]["spec"]


def pod(name):
    return job(name)["template"]["spec"]


def container(name):
    (only,) = pod(name)["containers"]
    return only


def options_of(name):
    """Return the options of `trading train` in the container's command."""
    words = shlex.split(container(name)["args"][0])
    start = words.index("trading")
    assert words[start : start + 2] == ["trading", "train"]
    return {word for word in words[start:] if word.startswith("--")}


def configured():
    (generator,) = documents()["Component", "kustomization"]["configMapGenerator"]
    return generator["name"], dict(one.split("=", 1) for one in generator["literals"])


def test_shards_are_an_indexed_job_that_retries_each_index_by_itself():
    spec = job(SHARDS)
    assert spec["completionMode"] == "Indexed"
    assert spec["backoffLimitPerIndex"] == 2
    assert spec["maxFailedIndexes"] < spec["completions"]
    assert "backoffLimit" not in spec
    assert str(spec["completions"]) == configured()[1]["SHARDS"]
    assert "$JOB_COMPLETION_INDEX/$SHARDS" in container(SHARDS)["args"][0]


def test_the_publisher_is_one_pod_and_may_outlast_the_shards():
    spec = job(PUBLISHER)
    assert {"completions", "parallelism", "completionMode"}.isdisjoint(spec)
    assert spec["activeDeadlineSeconds"] > job(SHARDS)["activeDeadlineSeconds"]
    assert "--patience" in options_of(PUBLISHER)
    assert "--shard" not in options_of(PUBLISHER)


@pytest.mark.parametrize("name", [SHARDS, PUBLISHER])
def test_a_run_ends_by_itself_and_never_twice_at_once(name):
    cron, spec = documents()["CronJob", name]["spec"], job(name)
    assert cron["concurrencyPolicy"] == "Forbid"
    assert cron["timeZone"] == "Etc/UTC"
    assert cron["schedule"] == documents()["CronJob", SHARDS]["spec"]["schedule"]
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0
    assert pod(name)["restartPolicy"] == "Never"


@pytest.mark.parametrize(("name", "action"), [(SHARDS, "FailIndex"), (PUBLISHER, "FailJob")])
def test_what_no_retry_can_heal_is_not_retried_and_a_drained_node_costs_no_retry(name, action):
    ignored, failed = job(name)["podFailurePolicy"]["rules"]
    assert ignored["action"] == "Ignore"
    assert ignored["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert failed["action"] == action
    assert failed["onExitCodes"]["containerName"] == container(name)["name"]
    codes = failed["onExitCodes"]["values"]
    assert {console.USAGE, console.CONFIGURATION, 42} == set(codes)
    assert not {console.FAILED, console.NOT_REACHABLE, 137, 143} & set(codes)


@pytest.mark.parametrize("name", [SHARDS, PUBLISHER])
def test_a_pod_keeps_the_restricted_standard(name):
    spec, only = pod(name), container(name)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] >= 10_000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    account = documents()["ServiceAccount", spec["serviceAccountName"]]
    assert account["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert {kind for volume in spec["volumes"] for kind in volume} == {
        "name",
        "persistentVolumeClaim",
        "emptyDir",
        "secret",
    }


@pytest.mark.parametrize("name", [SHARDS, PUBLISHER])
def test_threads_follow_the_cpu_limit_and_what_is_written_has_a_place(name):
    only = container(name)
    assert only["resources"]["limits"] == only["resources"]["requests"]
    env = {one["name"]: one["value"] for one in only["env"]}
    assert env["OMP_NUM_THREADS"] == env["OPENBLAS_NUM_THREADS"] == "1"
    writable = {
        mount["mountPath"] for mount in only["volumeMounts"] if not mount.get("readOnly", False)
    }
    assert writable == {"/tmp", "/var/lib/trading", "/var/lib/trading/models"}
    for variable in ("HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR", "JOBLIB_TEMP_FOLDER"):
        assert env[variable].startswith("/tmp")
    assert {volume["name"] for volume in pod(name)["volumes"]} == {
        mount["name"] for mount in only["volumeMounts"]
    }
    assert all(
        volume["emptyDir"]["sizeLimit"] for volume in pod(name)["volumes"] if "emptyDir" in volume
    )


def test_only_the_publisher_holds_the_signing_key():
    holders = [
        name
        for name in (SHARDS, PUBLISHER)
        if any("signing" in str(part).lower() for part in (pod(name), container(name)))
    ]
    assert holders == [PUBLISHER]
    (mount,) = [one for one in container(PUBLISHER)["volumeMounts"] if one["name"] == "signing"]
    env = {one["name"]: one["value"] for one in container(PUBLISHER)["env"]}
    assert env["TRADING_MODEL_SIGNING_KEY_FILE"].startswith(mount["mountPath"] + "/")
    assert mount["readOnly"] is True


@pytest.mark.parametrize("name", [SHARDS, PUBLISHER])
def test_the_command_and_its_environment_are_known_to_the_program(name):
    parameters = inspect.signature(training.train).parameters
    known = {
        option
        for parameter in parameters.values()
        for part in getattr(parameter.annotation, "__metadata__", ())
        for option in (part.default, *(part.param_decls or ()))
    }
    assert options_of(name) <= known
    settings = {
        field.upper()
        for model in (PlatformSettings, SignalGeneratorSettings)
        for field in model.model_fields
    }
    ours = {
        variable
        for variable in (*(one["name"] for one in container(name)["env"]), *configured()[1])
        if variable.startswith(("TRADING_", "DB_"))
    }
    assert ours <= settings


def test_shards_and_publisher_ask_for_the_same_work():
    """All but who does which part: another option or candle would be other work."""

    def same(name):
        return re.sub(r"--(shard|patience) \S+", "", container(name)["args"][0]).split()

    def common(name):
        env = {one["name"]: one["value"] for one in container(name)["env"]}
        env.pop("TRADING_MODEL_SIGNING_KEY_FILE", None)
        return env, container(name)["envFrom"], container(name)["image"]

    assert same(SHARDS) == same(PUBLISHER)
    assert common(SHARDS) == common(PUBLISHER)
    sources = [one["configMapRef"]["name"] for one in container(SHARDS)["envFrom"]]
    assert sources == ["platform", "stores", configured()[0]]  # what the services trade, and where
    assert "--to" in options_of(SHARDS)


def test_models_are_shared_by_all_nodes():
    claim = documents()["PersistentVolumeClaim", "models"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for name in (SHARDS, PUBLISHER):
        claims = [
            one["persistentVolumeClaim"] for one in pod(name)["volumes"] if one["name"] == "models"
        ]
        assert claims == [{"claimName": "models"}]


def test_every_file_is_named_by_the_kustomization():
    named = documents()["Component", "kustomization"]["resources"]
    present = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(named) == present


def environment(name, home):
    """Return what the manifest says, with the folders here and invented candles of two coins."""
    env = {**configured()[1], **{one["name"]: one["value"] for one in container(name)["env"]}}
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    (home / "numba").mkdir(exist_ok=True)  # nothing is prepared here that could be copied to it
    if not (programs / "entrypoint").exists():
        (programs / "entrypoint").symlink_to(ENTRYPOINT)
    changed = {
        "PATH": f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(home),
        "TRADING_STATE_DIR": str(home),
        "NUMBA_CACHE_DIR": str(home / "numba"),
        "MARKET__VENUE": "synthetic",
        "MARKET__INSTRUMENTS": "BTC-USDT,ETH-USDT",
        "TRAINING_OPTIONS": "--configurations 1 --jobs 1",
        "SHARDS": "2",
    }
    if "TRADING_MODEL_SIGNING_KEY_FILE" in env:
        changed["TRADING_MODEL_SIGNING_KEY_FILE"] = str(home / "key.pem")
    without = {key: value for key, value in env.items() if not key.startswith("DB_")}
    return {**without, **changed}


def run(name, home, **more):
    only = container(name)
    return subprocess.run(
        [*only["command"], *only["args"]],
        env={**environment(name, home), **more},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def test_an_index_that_has_no_shard_ends_with_a_code_that_is_not_retried(tmp_path):
    done = run(SHARDS, tmp_path, JOB_COMPLETION_INDEX="2")
    assert done.returncode in job(SHARDS)["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"]
    assert "2 of 2" in done.stderr


@pytest.mark.long
def test_the_commands_of_the_pods_leave_signed_releases_and_no_work(tmp_path):
    signer = new_key(tmp_path / "key.pem")
    for index in ("1", "0"):
        done = run(SHARDS, tmp_path, JOB_COMPLETION_INDEX=index)
        assert done.returncode == 0, done.stderr
    assert list((tmp_path / "models").glob(".work/*/*.piece"))
    assert not (tmp_path / "keys").exists()
    done = run(PUBLISHER, tmp_path)
    assert done.returncode == 0, done.stderr
    aliases = read_aliases(tmp_path / "models", "GLOBAL")
    assert aliases is not None
    release = tmp_path / "models" / "GLOBAL" / aliases[Role.CHALLENGER]
    assert verify(release, trust=signer.trust).signed_by == signer.key_id
    assert Role.CHAMPION not in aliases
    assert not list((tmp_path / "models").glob(".work/*/"))
