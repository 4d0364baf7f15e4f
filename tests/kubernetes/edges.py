"""What network policies let through: from whom to whom, at which ports."""

from tests.kubernetes.rendered import Document, Rendered, labels_of, pod_of


def chosen(selector: Document, labels: dict[str, str]) -> bool:
    """Tell whether a label selector takes these labels."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for one in selector.get("matchExpressions", ()):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return True


def policies(rendered: Rendered) -> list[Document]:
    return [one["spec"] for one in rendered.all("NetworkPolicy")]


def leads_to(
    rendered: Rendered, labels: dict[str, str], theirs: dict[str, str], port: str
) -> tuple[bool, bool]:
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


def allowed_edges(rendered: Rendered, workload: Document) -> set[str]:
    """Return the workloads of ours that a pod may reach: named on its own side and on theirs."""
    found: set[str] = set()
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


def allowed_outside(rendered: Rendered, workload: Document) -> set[tuple[str, int]]:
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
