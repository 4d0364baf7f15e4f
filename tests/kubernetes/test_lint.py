"""What others know about manifests: the schemas of Kubernetes, and checkov's rules."""

import json
import subprocess

import kubernetes_validate
import pytest
import yaml

from tests.kubernetes.rendered import (
    OVERLAYS,
    REPOSITORY,
    combined,
    components,
    needs_kubectl,
    overlay,
)

pytestmark = needs_kubectl

OLDEST, NEWEST = "1.30", "1.37"  # native preStop.sleep is in 1.30
CHECKOV = REPOSITORY / ".venv-checkov" / "bin" / "checkov"
FOREIGN = ("PodMonitor", "PrometheusRule", "ExternalSecret")  # of operators, no schema inside

# rule -> why it is not kept
SKIPPED = {
    "CKV_K8S_43": "a digest is the installation's own: the overlay of live says where it goes",
    "CKV_K8S_15": "tags are releases and never move, so a present image is the right one",
    "CKV_K8S_11": "a CPU limit throttles an order on an idle node; requests share a busy one",
    "CKV_K8S_8": "the console is a shell: nobody calls it, and it waits for a person",
    "CKV_K8S_9": "as CKV_K8S_8",
    "CKV_DOCKER_7": "the base is an argument with a tag; test_image.py looks at it",
}


def manifests():
    found = {name: overlay(name).text for name in OVERLAYS}
    opt_in = tuple(one for one in components() if one in ("monitoring", "external-secrets"))
    found["everything"] = combined("live", (*opt_in, "model-image", "gpu-training", "release"))
    return found


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", [*OVERLAYS, "everything"])
def test_every_document_is_what_that_version_of_kubernetes_knows(name, version):
    documents = list(yaml.safe_load_all(manifests()[name]))
    assert documents
    for one in documents:
        if one["kind"] not in FOREIGN:
            kubernetes_validate.validate(one, version, strict=True)


def test_a_misspelt_field_and_an_unknown_kind_are_noticed():
    (service, *_) = overlay("mock").all("Service")
    wrong = {**service, "spec": {**service["spec"], "selektor": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        kubernetes_validate.validate({**service, "kind": "Servise"}, NEWEST, strict=True)


@pytest.mark.skipif(not CHECKOV.exists(), reason="no checkov here: make k8s-check installs it")
def test_checkov_finds_nothing_that_has_no_reason(tmp_path):
    for name, text in manifests().items():
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "Dockerfile").write_text((REPOSITORY / "Dockerfile").read_text())
    done = subprocess.run(
        [CHECKOV, "--framework", "kubernetes", "dockerfile", "--skip-download", "--compact",
         "--quiet", "--output", "json", "--skip-check", ",".join(SKIPPED), "-d", tmp_path],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    reports = found if isinstance(found, list) else [found]
    failed = {
        (one["check_id"], one["resource"])
        for report in reports
        for one in report.get("results", {}).get("failed_checks", ())
    }
    assert failed == set()
    assert sum(report.get("summary", report).get("passed", 0) for report in reports) > 1000
