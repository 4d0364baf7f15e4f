"""What the figures were measured on; and memory, read from the kernel."""

import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

_SYNCS = 200


def describe(folder: Path) -> dict[str, Any]:
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
        "fsync_p50_ms": round(fsync_p50(folder) * 1e3, 3),
    }


def fsync_p50(folder: Path) -> float:
    """Return the median seconds that 4 KiB need to be safe on the disk of `folder`."""
    path = folder / ".fsync"
    found: list[float] = []
    with path.open("wb") as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            found.append(time.perf_counter() - start)
    path.unlink()
    return float(np.median(found))


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def resident_mb(pid: int | str = "self") -> float:
    return _status(pid, "VmRSS")


def peak_mb(pid: int | str = "self") -> float:
    return _status(pid, "VmHWM")


def _status(pid: int | str, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return float("nan")
