"""docs/kubernetes.md types what a real cluster takes, in the order it needs."""

import re

import pytest

from tests.kubernetes.edges import allowed_edges
from tests.kubernetes.rendered import REPOSITORY, needs_kubectl, overlay, pod_of

pytestmark = needs_kubectl

DOCS = (REPOSITORY / "docs" / "kubernetes.md").read_text()


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
