"""What must hold of the manifests before a cluster sees them; each trap of a real cluster is here."""

import re
from importlib.metadata import version
from urllib.parse import urlsplit

import pytest
import yaml

from launcher.assembly import BLUEPRINTS, NAMES
from launcher.grants import USERS
from shared.runtime.settings import PlatformSettings
from tests.kubernetes.rendered import (
    K8S,
    OVERLAYS,
    REPOSITORY,
    Rendered,
    combined,
    components,
    containers_of,
    labels_of,
    needs_kubectl,
    over_base,
    overlay,
    pairs,
    pod_of,
    render,
    template_of,
)
from venues.naming import REAL

pytestmark = needs_kubectl

PINNED = re.compile(r":[0-9][0-9.]*$|@sha256:[0-9a-f]{64}$")
SECRETS_OF_LIVE = {
    *(f"{user.replace('_', '-')}-credentials" for user in USERS),
    "mysql-root",
    "platform-keys",
    "exchange-keys",
    "model-signing-key",
}


DOCS = (REPOSITORY / "docs" / "kubernetes.md").read_text()


def everywhere(check):
    return pytest.mark.parametrize("name", OVERLAYS)(check)


def chosen(selector, labels):
    """Tell whether a label selector takes these labels."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for one in selector.get("matchExpressions", ()):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return True


def policies(rendered):
    return [one["spec"] for one in rendered.all("NetworkPolicy")]


def leads_to(rendered, labels, theirs, port):
    """Tell whether a pod may reach a port of another: by its own policies, and by the other's."""
    leaves = any(
        chosen(peer["podSelector"], theirs) and port in {one["port"] for one in rule["ports"]}
        for spec in policies(rendered)
        if chosen(spec["podSelector"], labels)
        for rule in spec.get("egress", ())
        for peer in rule["to"]
        if "podSelector" in peer and "namespaceSelector" not in peer
    )
    enters = any(
        chosen(peer["podSelector"], labels) and port in {one["port"] for one in rule["ports"]}
        for spec in policies(rendered)
        if chosen(spec["podSelector"], theirs)
        for rule in spec.get("ingress", ())
        for peer in rule["from"]
        if "podSelector" in peer and "namespaceSelector" not in peer
    )
    return leaves, enters


def allowed_edges(rendered, workload):
    """Return the workloads of ours that a pod may reach: named on its own side and on theirs."""
    found = set()
    for other in rendered.workloads():
        ports = {
            port["name"] for one in pod_of(other)["containers"] for port in one.get("ports", ())
        }
        for port in ports:
            leaves, enters = leads_to(rendered, labels_of(workload), labels_of(other), port)
            names = workload["metadata"]["name"], other["metadata"]["name"]
            assert leaves == enters, names
            if leaves:
                found.add(names[1])
    return found


def allowed_outside(rendered, workload):
    """Return the blocks of addresses a pod may reach, with their ports."""
    return {
        (peer["ipBlock"]["cidr"], port["port"])
        for spec in policies(rendered)
        if chosen(spec["podSelector"], labels_of(workload))
        for rule in spec.get("egress", ())
        for peer in rule["to"]
        if "ipBlock" in peer
        for port in rule["ports"]
    }


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
def test_everybody_has_an_account_and_database_and_redis_users_of_their_own(name):
    rendered = overlay(name)
    accounts = [pod_of(one)["serviceAccountName"] for one in rendered.services()]
    assert len(set(accounts)) == len(accounts)
    for workload in rendered.workloads():
        account = pod_of(workload)["serviceAccountName"]
        assert (
            rendered.documents["ServiceAccount", account]["automountServiceAccountToken"] is False
        )
    for workload in rendered.services():
        (container,) = pod_of(workload)["containers"]
        told = rendered.environment(container)
        module = container["args"][0]
        assert told["DB_USER"] == told["REDIS_USER"] == module
        (own,) = [one for one in pod_of(workload)["volumes"] if one["name"] == "own"]
        assert own["secret"]["secretName"] == f"{workload['metadata']['name']}-credentials"


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


def secrets_named(rendered):
    named = set()
    for workload in rendered.workloads():
        for volume in pod_of(workload).get("volumes", ()):
            if "secret" in volume:
                named.add(volume["secret"]["secretName"])
            for source in volume.get("projected", {}).get("sources", ()):
                named.add(source["secret"]["name"])
    return named


def test_mock_brings_all_its_secrets_and_they_say_that_they_are_none():
    rendered = overlay("mock")
    made = {one["metadata"]["name"] for one in rendered.all("Secret")}
    assert secrets_named(rendered) <= made
    for secret in made:
        for value in rendered.data("Secret", secret).values():
            assert "mock" in value


@pytest.mark.parametrize("name", ["paper", "live"])
def test_secrets_of_real_overlays_are_named_and_never_in_git(name):
    rendered = overlay(name)
    assert not rendered.all("Secret")
    wanted = SECRETS_OF_LIVE if name == "live" else SECRETS_OF_LIVE - {"exchange-keys"}
    assert secrets_named(rendered) == wanted


def test_the_keys_of_the_exchange_are_files_of_who_trades_and_who_consents_alone():
    rendered = overlay("live")
    keys = {}
    for one in rendered.workloads():
        if "exchange-keys" in str(pod_of(one)):
            (container,) = pod_of(one)["containers"]
            told = rendered.environment(container)
            assert not {name for name in told if re.search("API_(KEY|SECRET)$", name)}
            keys[one["metadata"]["name"]] = {k: v for k, v in told.items() if "/exchange/" in v}
    assert keys.keys() == {"executor", "exchange-console"}
    assert keys["executor"] == keys["exchange-console"] != {}


def test_the_console_with_the_keys_is_there_to_be_scaled_and_works_as_the_operator():
    rendered = overlay("live")
    console = rendered.documents["Deployment", "exchange-console"]
    assert console["spec"]["replicas"] == 0
    (container,) = pod_of(console)["containers"]
    told = rendered.environment(container)
    assert (told["DB_USER"], told["TRADING_MODE"]) == ("operator", "live")
    assert allowed_edges(rendered, console) >= {"mysql", "redis", "risk", "executor"}
    assert "scale deploy/exchange-console --replicas=1" in DOCS
    assert "exec -it deploy/exchange-console -- trading live enable" in DOCS


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


def reaches(rendered, component):
    """Return whom a pod of a component is meant to reach."""
    services = {one["metadata"]["name"] for one in rendered.services()}
    return {
        "service": {"mysql", "redis"},
        "console": {"mysql", "redis", *services},
        "job": {"mysql"},
        "training": {"mysql"},
        "store": set(),
    }[component]


@everywhere
def test_nothing_may_talk_but_for_edges_named_on_both_sides(name):
    rendered = overlay(name)
    (deny,) = [one for one in rendered.all("NetworkPolicy") if one["spec"]["podSelector"] == {}]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for workload in rendered.workloads():
        component = labels_of(workload)["app.kubernetes.io/component"]
        assert allowed_edges(rendered, workload) == reaches(rendered, component)
    for spec in policies(rendered):
        for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
            assert rule.get("ports"), "an edge without a port is open to all of them"
            assert rule.get("from") or rule.get("to"), "an edge without a peer is open to all"


NODE_CACHE = "169.254.20.10/32"  # NodeLocal DNSCache


@everywhere
def test_who_connects_by_name_may_ask_for_names_and_nobody_else(name):
    rendered = overlay(name)
    for workload in rendered.workloads():
        asks = {
            (protocol["protocol"], protocol["port"])
            for spec in policies(rendered)
            if chosen(spec["podSelector"], labels_of(workload))
            for rule in spec.get("egress", ())
            for peer in rule["to"]
            if peer.get("podSelector") == {"matchLabels": {"k8s-app": "kube-dns"}}
            for protocol in rule["ports"]
        }
        resolves = bool(allowed_edges(rendered, workload))
        assert asks == ({("UDP", 53), ("TCP", 53)} if resolves else set())
        assert ((NODE_CACHE, 53) in allowed_outside(rendered, workload)) == resolves


def ports_of(address):
    """Return the ports of a venue: of requests, and of the stream of orders."""
    return {urlsplit(one).port or 443 for one in (address.rest, address.stream) if one}


TRADING = set().union(*(ports_of(one) for one in REAL.values()))
CANDLES = {urlsplit(one.rest).port or 443 for one in REAL.values()}


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("mock", {}),
        ("paper", {"market-data": CANDLES}),
        ("live", {"market-data": CANDLES, "executor": TRADING, "exchange-console": TRADING}),
    ],
)
def test_only_who_trades_and_who_brings_candles_reaches_exchanges_at_their_ports(name, who):
    rendered = overlay(name)
    reaching = {}
    for workload in rendered.workloads():
        outside = allowed_outside(rendered, workload)
        ports = {port for cidr, port in outside if cidr != NODE_CACHE}
        if ports:
            reaching[workload["metadata"]["name"]] = ports
    assert reaching == who
    for spec in policies(rendered):
        for rule in spec.get("egress", ()):
            for peer in rule["to"]:
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0":
                    private = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}
                    assert private <= set(peer["ipBlock"]["except"])


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


def commands():
    """Return the lines of docs/kubernetes.md that are typed, in their order."""
    return [line.strip() for line in DOCS.splitlines() if line.startswith("    kubectl ")]


@pytest.mark.parametrize("name", ["mock", "mine"])
def test_the_docs_make_the_namespace_and_take_warnings_for_errors_before_they_apply(name):
    """A server's dry run fails without the namespace; a pod it only warns of is never made."""
    typed = commands()
    applied = typed.index(f"kubectl apply -k k8s/overlays/{name}")
    tried, *before = reversed(typed[:applied])
    assert tried == f"kubectl apply -k k8s/overlays/{name} --dry-run=server --warnings-as-errors"
    assert "kubectl apply -f k8s/base/namespace.yaml -n crypto-trading" in before
    if name == "mock":
        assert typed[applied + 1].startswith("kubectl -n crypto-trading rollout status")


def test_workloads_that_the_docs_name_are_there():
    named = set(re.findall(r"(deploy|statefulset|svc|job|cronjob)/([a-z][a-z-]+)", DOCS))
    kinds = {"deploy": "Deployment", "statefulset": "StatefulSet", "svc": "Service"}
    kinds["cronjob"] = "CronJob"
    made = set(re.findall(r"create job --from=\S+ (\S+)", DOCS))
    documents = overlay("live").documents
    for kind, name in named:
        assert name in made if kind == "job" else (kinds[kind], name) in documents, name


def test_every_service_has_a_folder():
    folders = {path.name for path in (K8S / "base").iterdir() if path.is_dir()}
    assert {name.replace("_", "-") for name in NAMES} | {"mysql", "redis", "migrate"} <= folders
    assert render(K8S / "base")
