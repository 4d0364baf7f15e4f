"""What must hold of the manifests before a cluster sees them; each trap of a real cluster is here."""

import re
from importlib.metadata import version

import yaml

from launcher.assembly import BLUEPRINTS, NAMES
from shared.runtime.settings import PlatformSettings
from tests.kubernetes.edges import chosen
from tests.kubernetes.rendered import (
    K8S,
    PINNED,
    containers_of,
    everywhere,
    labels_of,
    needs_kubectl,
    overlay,
    pod_of,
    render,
    template_of,
)

pytestmark = needs_kubectl


@everywhere
def test_it_is_one_namespace_that_enforces_the_restricted_standard(name):
    rendered = overlay(name)
    (namespace,) = rendered.all("Namespace")
    labels = namespace["metadata"]["labels"]
    assert namespace["metadata"]["name"] == "crypto-trading"
    for level in ("enforce", "warn", "audit"):
        assert labels[f"pod-security.kubernetes.io/{level}"] == "restricted"
    for kind_and_name, one in rendered.documents.items():
        if one is not namespace:
            assert one["metadata"]["namespace"] == "crypto-trading", kind_and_name


@everywhere
def test_every_pod_keeps_the_restricted_standard(name):
    for workload in overlay(name).workloads():
        pod, who = pod_of(workload), workload["metadata"]["name"]
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, who
        assert security["runAsUser"] >= 10_000, who
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, who
        assert pod["automountServiceAccountToken"] is False, who
        assert pod["enableServiceLinks"] is False, who
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), who
        for container in containers_of(workload):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, who
        for volume in pod.get("volumes", ()):
            assert set(volume) & {
                "emptyDir", "secret", "configMap", "projected", "persistentVolumeClaim"
            }, who  # fmt: skip
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"], who


@everywhere
def test_every_container_says_what_it_needs_and_an_image_of_a_release(name):
    for workload in overlay(name).workloads():
        for container in containers_of(workload):
            needs = container["resources"]
            assert needs["requests"].keys() >= {"cpu", "memory"}
            assert "memory" in needs["limits"]
            assert PINNED.search(container["image"])


@everywhere
def test_selectors_find_their_pods_and_nobody_elses(name):
    rendered = overlay(name)
    templates = {
        one["metadata"]["name"]: template_of(one)["metadata"]["labels"]
        for one in rendered.workloads()
    }
    for workload in rendered.all("Deployment", "StatefulSet"):
        selector = workload["spec"]["selector"]
        own = workload["metadata"]["name"]
        assert [who for who, labels in templates.items() if chosen(selector, labels)] == [own]
    for service in rendered.all("Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        own = service["metadata"]["name"]
        assert [who for who, labels in templates.items() if chosen(selector, labels)] == [own]
    for budget in rendered.all("PodDisruptionBudget"):
        found = [w for w, labels in templates.items() if chosen(budget["spec"]["selector"], labels)]
        assert found == [budget["metadata"]["name"]]
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@everywhere
def test_ports_of_services_and_probes_are_ports_of_the_container(name):
    rendered = overlay(name)
    for service in rendered.all("Service"):
        own = service["metadata"]["name"]
        kind = "Deployment" if ("Deployment", own) in rendered.documents else "StatefulSet"
        (container,) = pod_of(rendered.documents[kind, own])["containers"]
        named = {port["name"]: port["containerPort"] for port in container["ports"]}
        for port in service["spec"]["ports"]:
            assert named[port["targetPort"]] == port["port"], own
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            if "httpGet" in container[probe]:
                assert container[probe]["httpGet"]["port"] in named


@everywhere
def test_liveness_asks_the_process_alone_and_readiness_gives_reasons(name):
    for workload in overlay(name).services():
        (container,) = pod_of(workload)["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
        assert container["startupProbe"]["httpGet"]["path"] == "/health/live"
        assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"


@everywhere
def test_who_is_not_ready_can_still_be_asked_why_and_be_halted(name):
    rendered = overlay(name)
    for workload in rendered.services():
        service = rendered.documents["Service", workload["metadata"]["name"]]
        assert service["spec"]["publishNotReadyAddresses"] is True


@everywhere
def test_a_mended_configuration_replaces_a_pod_that_never_got_ready(name):
    """OrderedReady waits for ever for the broken one (kubernetes issue 67250)."""
    for one in overlay(name).all("StatefulSet"):
        assert one["spec"]["podManagementPolicy"] == "Parallel"


@everywhere
def test_a_pod_has_time_to_end_in_order(name):
    ending = 8 + 5  # what tasks and requests are given, shared/runtime
    for workload in overlay(name).services():
        pod = pod_of(workload)
        slept = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] > slept + ending


@everywhere
def test_every_setting_is_one_the_program_knows(name):
    rendered = overlay(name)
    sections = {one.name: set(one.settings.model_fields) for one in BLUEPRINTS}
    known = {field.upper() for field in PlatformSettings.model_fields} | {"TRADING_HOST"}
    for workload in rendered.workloads():
        for container in containers_of(workload):
            if not container["image"].startswith("crypto-trading-engine"):
                continue
            for variable in rendered.environment(container):
                section, _, field = variable.lower().partition("__")
                if field:
                    fields = sections.get(section) or set(
                        PlatformSettings.model_fields[section].annotation.model_fields
                    )
                    assert field in fields, variable
                elif variable.startswith(("TRADING_", "DB_", "REDIS_")):
                    assert variable in known, variable


@everywhere
def test_what_is_referred_to_is_there(name):
    """A missing ConfigMap passes the server's dry run and leaves pods waiting for ever."""
    rendered = overlay(name)
    for workload in rendered.workloads():
        for volume in pod_of(workload).get("volumes", ()):
            if "configMap" in volume and not volume["configMap"].get("optional"):
                assert ("ConfigMap", volume["configMap"]["name"]) in rendered.documents
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert ("PersistentVolumeClaim", claim) in rendered.documents
        for container in containers_of(workload):
            for source in container.get("envFrom", ()):
                assert ("ConfigMap", source["configMapRef"]["name"]) in rendered.documents
            mounted = {one["name"] for one in container.get("volumeMounts", ())}
            there = {one["name"] for one in pod_of(workload).get("volumes", ())} | {"data"}
            assert mounted <= there


@everywhere
def test_an_autoscaled_workload_says_no_number_of_its_own(name):
    """Or every apply would take back what the autoscaler did."""
    rendered = overlay(name)
    for one in rendered.all("HorizontalPodAutoscaler"):
        target = one["spec"]["scaleTargetRef"]
        assert "replicas" not in rendered.documents[target["kind"], target["name"]]["spec"]


@everywhere
def test_the_executor_is_one_and_stays_one(name):
    rendered = overlay(name)
    executor = rendered.documents["StatefulSet", "executor"]
    assert executor["spec"]["replicas"] == 1
    assert "executor" not in {
        one["spec"]["scaleTargetRef"]["name"] for one in rendered.all("HorizontalPodAutoscaler")
    }
    for one in rendered.services():
        if one["kind"] == "Deployment" and one["metadata"]["name"] != "signal-generator":
            assert one["spec"]["strategy"] == {"type": "Recreate"}


@everywhere
def test_a_changed_configuration_leaves_the_migration_as_it_was(name):
    """The pod of a Job cannot be changed: a generated name in it would fail the second apply."""
    rendered = overlay(name)
    (job,) = rendered.all("Job")
    assert (
        job["metadata"]["name"] == f"migrate-{version('crypto-trading-engine').replace('.', '-')}"
    )
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    generated = {one["metadata"]["name"] for one in rendered.all("ConfigMap", "Secret")} & set(
        re.findall(r"[a-z-]+-[a-z0-9]{10}\b", yaml.safe_dump(job))
    )
    assert not generated


def test_every_service_has_a_folder():
    folders = {path.name for path in (K8S / "base").iterdir() if path.is_dir()}
    assert {name.replace("_", "-") for name in NAMES} | {"mysql", "redis", "migrate"} <= folders
    assert render(K8S / "base")


def test_the_alert_of_restarts_names_every_container_that_serves_or_stores():
    rules = yaml.safe_load((K8S / "components" / "monitoring" / "rules.yaml").read_text())
    (alert,) = [
        one
        for group in rules["groups"]
        for one in group["rules"]
        if one.get("alert") == "PodRestarts"
    ]
    containers, pods = re.search('container=~"(.+?)", pod=~"(.+?)"', alert["expr"]).groups()
    for one in overlay("live").all("Deployment", "StatefulSet"):
        watched = labels_of(one)["app.kubernetes.io/component"] in ("service", "store")
        (container,) = pod_of(one)["containers"]
        names = container["name"], f"{one['metadata']['name']}-0"
        matched = re.fullmatch(containers, names[0]) and re.fullmatch(pods, names[1])
        assert bool(matched) == watched, names
