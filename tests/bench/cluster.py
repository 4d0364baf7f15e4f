"""The mock overlay as processes (tests/kubernetes/cluster.py): to ready, to the first fill, and what it takes."""

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import yaml

from tests.bench.figures import Figure, skipped
from tests.bench.machine import resident_mb
from tests.kubernetes.cluster import Cluster, Pod, key_of
from tests.kubernetes.rendered import Rendered, overlay, pod_of

_INSTRUMENTS = int(os.environ.get("BENCH_INSTRUMENTS", "50"))
_WATCHED_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")
_UNITS = {"Mi": 1.0, "Gi": 1024.0}


def measure() -> list[Figure]:
    with TemporaryDirectory(prefix="trading-bench-") as name:
        cluster = Cluster(_trading(_INSTRUMENTS), Path(name))
        try:
            return _measured(cluster)
        except AssertionError as error:
            return [skipped("mock overlay as processes", str(error).splitlines()[0])]
        finally:
            cluster.close()


def _trading(instruments: int) -> Rendered:
    """Return the mock overlay with so many instruments in its ConfigMap."""
    whole = overlay("mock")
    (name,) = [
        one["metadata"]["name"]
        for one in whole.all("ConfigMap")
        if one["metadata"]["name"].startswith("platform")
    ]
    symbols = ",".join(f"C{number:02d}-USDT" for number in range(instruments))
    told = whole.documents["ConfigMap", name]
    data = {**told["data"], "MARKET__INSTRUMENTS": symbols}
    documents = {**whole.documents, ("ConfigMap", name): {**told, "data": data}}
    return Rendered.of(yaml.safe_dump_all(documents.values()))


def _measured(cluster: Cluster) -> list[Figure]:
    count = f"{_INSTRUMENTS} instruments"
    cluster.redis.start()
    cluster.start_database()
    begun = time.perf_counter()
    cluster.migrate()
    migrated = time.perf_counter() - begun
    pods = [cluster.pod(one) for one in cluster.rendered.services()]
    generator = cluster.pods["signal-generator"]
    begun = time.perf_counter()
    generator.run_first(900)
    trained = time.perf_counter() - begun
    figures = [
        Figure(what="mock overlay: migration and users", value=migrated, unit="s"),
        Figure(what=f"mock overlay: demonstration model, {count}", value=trained, unit="s"),
    ]
    begun = time.perf_counter()
    feed = cluster.pods["market-data"]
    for pod in (*(one for one in pods if one is not feed), feed):  # the feed last: all hear all
        started = time.perf_counter()
        pod.start(pod.container)
        pod.wait_for("readinessProbe")
        ready = time.perf_counter() - started
        figures.append(Figure(what=f"{pod.name}: start to ready, {count}", value=ready, unit="s"))
    _wait_for_a_fill(cluster)
    filled = time.perf_counter() - begun
    figures.append(
        Figure(what="mock overlay: services started to first fill", value=filled, unit="s")
    )
    return figures + _taken(pods, count)


def _taken(pods: list[Pod], count: str) -> list[Figure]:
    before = {pod.name: _cpu_seconds(pod) for pod in pods}
    time.sleep(_WATCHED_SECONDS)
    found: list[Figure] = []
    for pod in pods:
        used = (_cpu_seconds(pod) - before[pod.name]) / _WATCHED_SECONDS
        needs = pod_of(pod.workload)["containers"][0]["resources"]
        found += [
            Figure(
                what=f"{pod.name}: resident, {count}",
                value=resident_mb(pod.processes[-1].pid),
                unit="MB",
                target=_megabytes(needs["limits"]["memory"]),
                beside=f"requests {needs['requests']['memory']}, limit {needs['limits']['memory']}",
            ),
            Figure(
                what=f"{pod.name}: CPU, {count}, four candles a second",
                value=used,
                unit="cores",
                beside=f"requests {needs['requests']['cpu']}",
            ),
        ]
    return found


def _cpu_seconds(pod: Pod) -> float:
    said = Path(f"/proc/{pod.processes[-1].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / _TICKS


def _megabytes(quantity: str) -> float:
    return float(quantity[:-2]) * _UNITS[quantity[-2:]] * 1.048576


def _wait_for_a_fill(cluster: Cluster, seconds: float = 300.0) -> None:
    key = {"X-TRADING-API-KEY": key_of(cluster.rendered)}
    url, deadline = cluster.pods["executor"].url("/fills"), time.monotonic() + seconds
    items: list[dict[str, Any]] = []
    while not items:
        assert time.monotonic() < deadline, f"no fill within {seconds:.0f} s"
        items = httpx.get(url, headers=key, timeout=10, trust_env=False).json()["items"]
        time.sleep(0.05)
