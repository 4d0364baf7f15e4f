"""Components: each alone and every pair of them, and what each is chosen for."""

import re
from importlib.metadata import version

import pytest
import yaml

from tests.kubernetes.edges import allowed_outside
from tests.kubernetes.rendered import (
    K8S,
    PINNED,
    Rendered,
    combined,
    components,
    containers_of,
    labels_of,
    needs_kubectl,
    over_base,
    pairs,
    pod_of,
)

pytestmark = needs_kubectl


def kustomization(component):
    return yaml.safe_load((K8S / "components" / component / "kustomization.yaml").read_text())


def test_the_release_is_written_once_and_for_gpus():
    release = version("crypto-trading-engine")
    told = kustomization("release")
    ours = [*told["images"], *kustomization("gpu-training")["images"]]
    tags = {one["newTag"] for one in ours if one["name"].startswith("crypto-trading-engine")}
    assert tags == {release}
    assert told["labels"][0]["pairs"]["app.kubernetes.io/version"] == release
    assert "includeSelectors" not in told["labels"][0]


NEEDS = {
    "gpu-training": ("models", "training"),
    "training": ("models",),
    "model-image": ("models",),
}
REPLACES = {"demo-model": {"models", "model-image", "training", "gpu-training"}}


def choices():
    """Return every component and every pair of them with what they need, where they may meet."""
    found = []
    for pair in pairs(tuple(one for one in components() if one not in GIVEN)):
        if any(REPLACES.get(one, set()) & set(pair) for one in pair):
            continue
        needed = [more for one in pair for more in NEEDS.get(one, ())]
        found.append(tuple(dict.fromkeys([*sorted(needed), *pair])))
    return list(dict.fromkeys(found))


GIVEN = ("network-policies", "release")  # in every overlay


@pytest.mark.parametrize("added", choices())
def test_components_go_together(added):
    rendered = Rendered.of(over_base((*GIVEN[:1], *added, *GIVEN[1:])))
    for workload in rendered.workloads():
        for container in containers_of(workload):
            assert PINNED.search(container["image"])


def test_gpu_training_goes_over_live():
    rendered = Rendered.of(combined("live", ("gpu-training",)))
    for name in ("train-shards", "publish-models"):
        (container,) = pod_of(rendered.documents["CronJob", name])["containers"]
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
        release = version("crypto-trading-engine")
        assert container["image"] == f"crypto-trading-engine-gpu:{release}"


def test_models_of_an_image_are_proven_in_a_folder_of_the_pod_before_it_starts():
    rendered = Rendered.of(combined("live", ("model-image",)))
    generator = rendered.documents["Deployment", "signal-generator"]
    bring, prove = pod_of(generator)["initContainers"]
    assert re.fullmatch("crypto-trading-models@sha256:0{64}", bring["image"])  # yours: no default
    assert prove["args"] == ["trading", "models", "verify", "served"]
    places = [
        next(one["name"] for one in each["volumeMounts"] if one["mountPath"].endswith("/models"))
        for each in (bring, prove, *pod_of(generator)["containers"])
    ]
    assert places == ["models"] * 3
    (volume,) = [one for one in pod_of(generator)["volumes"] if one["name"] == "models"]
    assert volume == {"name": "models", "emptyDir": {"sizeLimit": "1Gi"}}


def test_managed_stores_leave_none_of_ours_and_one_config_map_moves_everybody():
    yours = {"DB_HOST": "mysql.example.internal", "REDIS_HOST": "redis.example.internal"}
    rendered = Rendered.of(
        combined(
            "live",
            ("managed-stores",),
            configMapGenerator=[
                {
                    "name": "stores",
                    "behavior": "merge",
                    "literals": [f"{name}={value}" for name, value in yours.items()],
                }
            ],
        )
    )
    ours = {"mysql", "redis"}
    for kind in ("StatefulSet", "Service", "ServiceAccount", "PodDisruptionBudget"):
        assert not ours & {one["metadata"]["name"] for one in rendered.all(kind)}
    assert not ours & {one["metadata"]["name"] for one in rendered.all("NetworkPolicy")}
    for workload in rendered.workloads():
        for container in containers_of(workload):
            told = rendered.environment(container)
            assert {name: told[name] for name in yours} == yours
        outside = allowed_outside(rendered, workload)
        component = labels_of(workload)["app.kubernetes.io/component"]
        assert ("192.0.2.1/32", 3306) in outside  # nobody's: to be replaced
        assert (("192.0.2.2/32", 6379) in outside) == (component in ("service", "console"))
