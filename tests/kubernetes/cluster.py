"""Runs what is rendered as processes of this machine: their env, files, ports and probes.

What is replaced is the machine around them: mounts are folders, cluster names lead to private servers,
each pod's address is one of the loopback's own (`pod/sitecustomize.py`).
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import create_engine, text

from tests.conftest import MariaDbServer, RedisServer
from tests.kubernetes.rendered import REPOSITORY, Document, Rendered, containers_of, pod_of

ENTRYPOINT = REPOSITORY / "deploy" / "image" / "entrypoint.sh"
POD_FILES = Path(__file__).parent / "pod"


def image_environment() -> dict[str, str]:
    """Return what the image sets of our own settings."""
    said = (REPOSITORY / "Dockerfile").read_text()
    return dict(re.findall(r"\b((?:TRADING|OMP|OPENBLAS)_[A-Z_]+)=(\S+)", said))


@dataclass
class Pod:
    """One pod: its containers as processes, one after the other, the last ones at once."""

    rendered: Rendered
    workload: Document
    folder: Path
    address: str
    names: dict[str, dict[str, tuple[str, int]]]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.workload["metadata"]["name"]

    @property
    def container(self) -> Document:
        (only,) = pod_of(self.workload)["containers"]
        return only

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def prepare(self) -> None:
        """Write the files of the mounted Secrets and ConfigMaps, and make the empty folders."""
        for volume in pod_of(self.workload).get("volumes", ()):
            here = self.folder / "volumes" / volume["name"]
            here.mkdir(parents=True, exist_ok=True)
            for name, content in self._files(volume).items():
                (here / name).write_text(content)

    def _files(self, volume: Document) -> dict[str, str]:
        if "secret" in volume:
            return self.rendered.data("Secret", volume["secret"]["secretName"])
        if "configMap" in volume:
            source = volume["configMap"]
            if (
                source.get("optional")
                and ("ConfigMap", source["name"]) not in self.rendered.documents
            ):
                return {}
            return self.rendered.data("ConfigMap", source["name"])
        found: dict[str, str] = {}
        for source in volume.get("projected", {}).get("sources", ()):
            known = self.rendered.data("Secret", source["secret"]["name"])
            found |= {one["path"]: known[one["key"]] for one in source["secret"]["items"]}
        return found

    def here(self, container: Document, told: str) -> str:
        """Return a text of the manifest with the places of its mounts as they are here."""
        places = {
            mount["mountPath"]: str(self.folder / "volumes" / mount["name"])
            for mount in container["volumeMounts"]
        }
        longest_first = sorted(places, key=len, reverse=True)
        mounted = "|".join(re.escape(path) for path in longest_first)
        return re.sub(rf"(?<![\w/])({mounted})(?=/|\s|$)", lambda found: places[found[1]], told)

    def start(self, container: Document) -> subprocess.Popen[bytes]:
        told = image_environment() | self.rendered.environment(container)
        environment = {name: self.here(container, value) for name, value in told.items()}
        environment |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "NUMBA_CACHE_DIR": str(self.folder),  # there already: nothing to copy into it
            "PYTHONPATH": f"{POD_FILES}:{REPOSITORY}",
            "POD_ADDRESS": self.address,
            "POD_NAMES": json.dumps(self.names),
        }
        words = [self.here(container, one) for one in container.get("args", ())]
        told_to_run = [self.here(container, one) for one in container.get("command", ())]
        command = told_to_run or [str(ENTRYPOINT)]
        self._link_models(container)
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*command, *words], env=environment, cwd=self.folder, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def _link_models(self, container: Document) -> None:
        """A mount inside a mount: `models` in the state folder."""
        volumes = self.folder / "volumes"
        mounted = {one["name"] for one in container["volumeMounts"]}
        inner = volumes / "state" / "models"
        if {"state", "models"} <= mounted and not inner.exists():
            inner.symlink_to(volumes / "models")

    def run_first(self, seconds: float) -> None:
        """Run the init containers to their end."""
        for container in pod_of(self.workload).get("initContainers", ()):
            assert self.start(container).wait(seconds) == 0, self.log

    def url(self, path: str) -> str:
        port = self.container["ports"][0]["containerPort"]
        return f"http://{self.address}:{port}{path}"

    def probe(self, kind: str) -> httpx.Response | None:
        told = self.container[kind]
        try:
            path = told["httpGet"]["path"]
            return httpx.get(self.url(path), timeout=told["timeoutSeconds"], trust_env=False)
        except httpx.HTTPError:
            return None

    def wait_for(self, kind: str) -> float:
        """Return the seconds until a probe is met; its budget is that of the manifest."""
        told, begun = self.container[kind], time.monotonic()
        budget = told["periodSeconds"] * told.get("failureThreshold", 3)
        if kind == "readinessProbe":  # nothing ends a pod that is not ready: what a rollout waits
            budget = self.workload["spec"].get("progressDeadlineSeconds", 300)
        answer = None
        while time.monotonic() - begun < budget:
            assert self.processes[-1].poll() is None, self.log
            answer = self.probe(kind)
            if answer is not None and answer.status_code == 200:
                return time.monotonic() - begun
            time.sleep(0.1)
        raise AssertionError(f"{self.name}: {kind}: {answer and answer.text}\n{self.log[-3000:]}")

    def peers(self) -> set[tuple[str, int]]:
        """Return the addresses that its process has connections to, but for those to itself."""
        from tests.kubernetes.sockets import connected

        return connected(self.processes[-1].pid) - {(self.address, 0)}

    def end(self) -> int:
        """Stop it as a node does; kill what is left after the grace period."""
        process = self.processes[-1]
        process.send_signal(signal.SIGTERM)
        grace = pod_of(self.workload)["terminationGracePeriodSeconds"]
        slept = self.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        try:
            return process.wait(grace - slept.get("seconds", 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


class Cluster:
    """A private MariaDB and Redis under the names the manifests use, and the pods."""

    def __init__(self, rendered: Rendered, folder: Path) -> None:
        self.rendered, self.folder = rendered, folder
        self.database = MariaDbServer(folder / "mysql")
        self.redis = PrivateRedis(rendered, folder / "redis")
        self.pods: dict[str, Pod] = {}
        self.names = {
            "mysql": {"3306": ("127.0.0.1", self.database.port)},
            "redis": {"6379": ("127.0.0.1", self.redis.port)},
        }

    def pod(self, workload: Document) -> Pod:
        name = workload["metadata"]["name"]
        place = self.folder / name
        place.mkdir(exist_ok=True)
        address = f"127.77.{os.getpid() % 250 + 1}.{len(self.pods) + 1}"
        made = Pod(self.rendered, workload, place, address, self.names)
        made.prepare()
        self.pods[name] = made
        return made

    def start_database(self) -> None:
        """Start it the way its image does: root has the password of the Secret, nobody else is."""
        self.database.start()
        password = self.rendered.data("Secret", "mysql-root")["password"]
        engine = create_engine(self.database.address.url(database=None))
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM mysql.global_priv WHERE User <> 'root'"))
            connection.execute(text("FLUSH PRIVILEGES"))
            rows = connection.execute(text("SELECT Host FROM mysql.global_priv")).all()
            for row in rows:
                to = f"ALTER USER 'root'@'{row[0]}' IDENTIFIED BY '{password}'"
                connection.execute(text(to))
        engine.dispose()

    def migrate(self) -> None:
        (job,) = self.rendered.all("Job")
        pod = self.pod(job)
        pod.run_first(120)
        (container,) = pod_of(job)["containers"]
        assert pod.start(container).wait(120) == 0, pod.log

    def close(self) -> None:
        for pod in self.pods.values():
            for process in pod.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        for server in (self.redis, self.database):
            if server.process is not None and server.process.poll() is None:
                server.stop()


class PrivateRedis(RedisServer):
    """redis-server with the rendered configuration and users; its port and folder are ours."""

    def __init__(self, rendered: Rendered, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder)
        self._pod = Pod(
            rendered, rendered.documents["StatefulSet", "redis"], folder, "127.0.0.1", {}
        )

    def start(self) -> None:
        self._pod.prepare()
        self._pod.run_first(30)
        (container,) = self._pod.workload["spec"]["template"]["spec"]["containers"]
        configuration = self.folder / "redis.conf"
        told = (self.folder / "volumes" / "configuration" / "redis.conf").read_text()
        told = self._pod.here(container, told).replace("port 6379", f"port {self.port}")
        configuration.write_text(told)
        self.process = subprocess.Popen(
            ["redis-server", str(configuration)], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            asked = subprocess.run(
                ["redis-cli", "-p", str(self.port), "ping"], capture_output=True, check=False
            )
            if asked.stdout.strip() == b"PONG":
                return
            time.sleep(0.05)
        raise AssertionError("redis does not answer its probe")


def key_of(rendered: Rendered) -> str:
    return rendered.data("Secret", "platform-keys")["api-keys"].partition(":")[2]


__all__ = ["Cluster", "Pod", "containers_of", "image_environment", "key_of"]
