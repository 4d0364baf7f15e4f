"""Alerts, dashboards and runbooks say what is true of the code, and promtool understands them."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from launcher.cli import _COMMANDS
from shared.runtime.service import new_metrics
from tests.conftest import REPOSITORY
from tests.kubernetes.monitoring import FOLDER, written

RULES = FOLDER / "rules.yaml"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
FOREIGN = {
    "up",  # Prometheus itself
    "ALERTS",
    "kube_pod_container_status_restarts_total",  # kube-state-metrics
    "process_start_time_seconds",  # prometheus_client
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
}
BEYOND_ALERTS = {"README.md"}
GRAFANA = {"$__rate_interval": "5m", "$__range": "1h", "$__interval": "1m"}
SEVERITIES = {"page", "warn", "info"}
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="promtool is missing: install Debian's package prometheus; .ci/run does",
)


def all_rules():
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def alerts():
    return [rule for rule in all_rules() if "alert" in rule]


def recorded():
    return {rule["record"] for rule in all_rules() if "record" in rule}


def dashboards():
    return {file.stem: json.loads(file.read_text()) for file in FOLDER.glob("dashboards/*.json")}


def shown():
    """Give (dashboard: panel, expression) of every query, what Grafana fills in being filled in."""
    for name, board in dashboards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                expr = target["expr"]
                for word, value in GRAFANA.items():
                    expr = expr.replace(word, value)
                yield f"{name}: {panel['title']}", expr.replace("$namespace", ".*")


def promtool(*arguments):
    done = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metrics_in(expr):
    """Give what an expression reads: names that are no function, label, keyword or quoted text."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    names = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare)
    return (
        set(names) - {"and", "or", "unless", "offset", "by", "on", "bool"} - {"1h", "m", "h", "d"}
    )


def known():
    """Give every name under which a metric of ours can be asked for."""
    found = set()
    for metric in vars(new_metrics()).values():
        if hasattr(metric, "describe"):
            for family in metric.describe():
                kinds = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
                found |= {family.name + end for end in kinds.get(family.type, ("",))}
    return found


def test_what_is_generated_is_up_to_date():
    for place, text in written().items():
        assert (FOLDER / place).read_text() == text, (
            f"{place}: python -m tests.kubernetes.monitoring"
        )
    assert set(dashboards()) == {"overview", "models", "execution", "platform"}


def test_the_rule_of_the_operator_is_the_file_that_promtool_checks():
    made = yaml.safe_load((FOLDER / "prometheusrule.yaml").read_text())
    assert made["spec"] == yaml.safe_load(RULES.read_text())


def test_names_are_found_in_expressions():
    expr = 'max by (a) (up{job="x"}) > on (n) group_left () 2 * rate(b_total[5m]) offset 1h and c'
    assert metrics_in(expr) == {"up", "b_total", "c"}


def test_every_metric_asked_for_is_one_of_ours():
    there = known() | FOREIGN | recorded()
    for where, expr in [*shown(), *((one.get("alert"), one["expr"]) for one in all_rules())]:
        assert metrics_in(expr), where
        assert metrics_in(expr) <= there, where


def test_every_metric_of_ours_is_looked_at():
    asked = {name for _, expr in shown() for name in metrics_in(expr)}
    asked |= {name for rule in all_rules() for name in metrics_in(rule["expr"])}
    ours = set(vars(new_metrics())) - {"registry"}
    assert {name for name in ours if not any(one.startswith(name) for one in asked)} == set()


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: one["alert"])
def test_an_alert_says_how_bad_what_and_what_to_do(alert):
    assert alert["labels"]["severity"] in SEVERITIES
    texts = alert["annotations"]
    assert set(texts) == {"summary", "description", "runbook_url"}
    runbook = REPOSITORY / texts["runbook_url"]
    assert runbook.parent == RUNBOOKS
    assert alert["alert"] in runbook.read_text()


def test_every_runbook_is_of_an_alert_and_in_the_index():
    linked = {alert["annotations"]["runbook_url"].rpartition("/")[2] for alert in alerts()}
    there = {file.name for file in RUNBOOKS.glob("*.md")}
    assert there == linked | BEYOND_ALERTS
    index = (RUNBOOKS / "README.md").read_text()
    for alert in alerts():
        assert f"`{alert['alert']}`" in index
    assert all(f"]({name})" in index for name in linked)


@pytest.mark.parametrize("file", sorted(RUNBOOKS.glob("*.md")), ids=lambda one: one.stem)
def test_a_runbook_names_commands_settings_and_pages_that_exist(file):
    text = file.read_text()
    top = set(_COMMANDS[""]) | set(_COMMANDS)
    for first, second in re.findall(r"`trading ([a-z-]+)(?: ([a-z-]+))?", text):
        assert first in top, first
        assert first in _COMMANDS[""] or second in _COMMANDS[first], (first, second)
    reference = (REPOSITORY / "docs" / "configuration.md").read_text()
    for setting in re.findall(r"`([A-Z]+_[A-Z_]+)[=`]", text):
        assert f"`{setting}`" in reference, setting
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (RUNBOOKS / link).exists(), link


def test_every_alert_has_a_test_in_which_it_is_quiet_and_one_in_which_it_fires():
    said = {}
    for one in yaml.safe_load((FOLDER / "rules_test.yaml").read_text())["tests"]:
        for query in one["promql_expr_test"]:
            for name in re.findall(r'alertname="(\w+)", alertstate="firing"', query["expr"]):
                said.setdefault(name, set()).add(bool(query["exp_samples"]))
    assert said == {alert["alert"]: {False, True} for alert in alerts()}


def test_dashboards_are_told_where_to_ask_and_explain_themselves():
    for board in dashboards().values():
        names = [one["name"] for one in board["templating"]["list"]]
        assert names == ["datasource", "namespace"]
        places = set()
        for panel in board["panels"]:
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["description"], panel["title"]
            assert panel["fieldConfig"]["defaults"]["unit"]
            spot = panel["gridPos"]
            assert spot["x"] + spot["w"] <= 24
            cells = {(x, y) for x in range(spot["x"], spot["x"] + spot["w"]) for y in range(spot["y"], spot["y"] + spot["h"])}  # fmt: skip
            assert not cells & places, panel["title"]
            places |= cells


@needs_promtool
def test_promtool_understands_the_rules():
    assert f"{len(all_rules())} rules found" in promtool("check", "rules", RULES)


@needs_promtool
def test_alerts_fire_when_they_should_and_only_then():
    promtool("test", "rules", FOLDER / "rules_test.yaml")


@needs_promtool
def test_promtool_understands_every_expression_of_every_dashboard(tmp_path):
    rules = [
        {"record": f"shown:{number}", "expr": expr, "labels": {"panel": where}}
        for number, (where, expr) in enumerate(shown())
    ]
    file = tmp_path / "shown.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "shown", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is missing")
def test_the_component_renders_with_its_dashboards_as_config_maps(tmp_path):
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "components": ["monitoring"],
        "configMapGenerator": [{"name": "theirs", "literals": ["a=b"]}],
    }
    shutil.copytree(FOLDER, tmp_path / "monitoring")
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    done = subprocess.run(
        ["kubectl", "kustomize", tmp_path], capture_output=True, text=True, check=True
    )
    found = list(yaml.safe_load_all(done.stdout))
    maps = {one["metadata"]["name"]: one for one in found if one["kind"] == "ConfigMap"}
    theirs = next(one for name, one in maps.items() if name.startswith("theirs-"))
    assert "grafana_dashboard" not in theirs["metadata"].get("labels", {})
    for name, board in dashboards().items():
        one = maps[f"trading-dashboard-{name}"]
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["namespace"] == "crypto-trading"
        assert json.loads(one["data"][f"{name}.json"]) == board
    ours = [one for one in found if one["kind"] != "ConfigMap"]
    assert {one["metadata"]["namespace"] for one in ours} == {"crypto-trading"}
    assert {one["kind"] for one in found} == {"ConfigMap", "PodMonitor", "PrometheusRule"}
