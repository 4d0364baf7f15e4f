"""Writes what is made of rules.yaml and the panels: `python -m tests.kubernetes.monitoring`."""

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.kubernetes.dashboards import DASHBOARDS

FOLDER = Path(__file__).parents[2] / "k8s" / "components" / "monitoring"
_NOTE = "# generated of rules.yaml by `python -m tests.kubernetes.monitoring`; do not edit\n"
PART_OF = {"app.kubernetes.io/part-of": "crypto-trading-engine"}


def written() -> Mapping[str, str]:
    """Return the text of every generated file by its place in the component."""
    files = {
        f"dashboards/{name}.json": json.dumps(make(), indent=1) + "\n"
        for name, make in DASHBOARDS.items()
    }
    return {"prometheusrule.yaml": _NOTE + yaml.safe_dump(rule(), sort_keys=False), **files}


def rule() -> dict[str, object]:
    rules = yaml.safe_load((FOLDER / "rules.yaml").read_text())
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "trading", "namespace": "crypto-trading", "labels": PART_OF},
        "spec": rules,
    }


def main() -> None:
    for place, text in written().items():
        (FOLDER / place).write_text(text)


if __name__ == "__main__":
    main()
