"""What `kubectl kustomize` makes of a folder, and what a container of it is told."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
K8S = REPOSITORY / "k8s"
OVERLAYS = ("mock", "paper", "live")
PINNED = re.compile(r":[0-9][0-9.]*$|@sha256:[0-9a-f]{64}$")
Document = dict[str, Any]

everywhere = pytest.mark.parametrize("name", OVERLAYS)

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="no kubectl here to render manifests with"
)


def render(folder: Path) -> str:
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            ["kubectl", "kustomize", folder],
            capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": os.environ["PATH"], "HOME": home},
        )  # fmt: skip
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return done.stdout


@cache
def overlay(name: str) -> "Rendered":
    return Rendered.of(render(K8S / "overlays" / name))


def components() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in (K8S / "components").iterdir() if path.is_dir()))


def combined(overlaid: str, added: tuple[str, ...], **more: object) -> str:
    """Return what an overlay makes with further components, and with `more` of a kustomization."""
    return _kustomized(f"../overlays/{overlaid}", added, more)


def over_base(added: tuple[str, ...]) -> str:
    """Return what the base makes with components alone."""
    return _kustomized("../base", added, {})


def _kustomized(resource: str, added: tuple[str, ...], more: dict[str, object]) -> str:
    with tempfile.TemporaryDirectory(dir=K8S, prefix=".combined-") as folder:
        kustomization = {
            "namespace": "crypto-trading",
            "resources": [resource],
            "components": [f"../components/{one}" for one in added],
            **more,
        }
        Path(folder, "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return render(Path(folder))


def pairs(of: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [(one,) for one in of] + list(combinations(of, 2))


@dataclass(frozen=True, slots=True)
class Rendered:
    """`documents` by kind and name."""

    text: str
    documents: dict[tuple[str, str], Document] = field(hash=False)

    @classmethod
    def of(cls, text: str) -> "Rendered":
        found: dict[tuple[str, str], Document] = {}
        for one in yaml.safe_load_all(text):
            key = (one["kind"], one["metadata"]["name"])
            assert key not in found, key
            found[key] = one
        return cls(text, found)

    def all(self, *kinds: str) -> list[Document]:
        return [one for (kind, _), one in self.documents.items() if kind in kinds]

    def workloads(self) -> list[Document]:
        return self.all("Deployment", "StatefulSet", "Job", "CronJob")

    def services(self) -> list[Document]:
        """Return the workloads that are services of the platform, by name."""
        found = [
            one
            for one in self.all("Deployment", "StatefulSet")
            if labels_of(one).get("app.kubernetes.io/component") == "service"
        ]
        return sorted(found, key=lambda one: one["metadata"]["name"])

    def data(self, kind: str, name: str) -> dict[str, str]:
        """Return the keys and texts of a ConfigMap or Secret."""
        import base64

        document = self.documents[kind, name]
        data = document.get("data") or {}
        if kind == "ConfigMap":
            return data
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def environment(self, container: Document) -> dict[str, str]:
        """Return the environment that the manifests give a container."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            found |= self.data("ConfigMap", source["configMapRef"]["name"])
        return found | {one["name"]: one["value"] for one in container.get("env", ())}


def template_of(workload: Document) -> Document:
    spec = workload["spec"]
    if workload["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]


def pod_of(workload: Document) -> Document:
    return template_of(workload)["spec"]


def labels_of(workload: Document) -> dict[str, str]:
    return template_of(workload)["metadata"]["labels"]


def containers_of(workload: Document) -> list[Document]:
    pod = pod_of(workload)
    return [*pod.get("initContainers", ()), *pod["containers"]]
