"""Every edge between pods, to names and to exchanges: those that are meant, and no other."""

from urllib.parse import urlsplit

import pytest

from tests.kubernetes.edges import allowed_edges, allowed_outside, chosen, policies
from tests.kubernetes.rendered import everywhere, labels_of, needs_kubectl, overlay
from venues.naming import REAL

pytestmark = needs_kubectl


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
