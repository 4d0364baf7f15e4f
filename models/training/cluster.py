"""A dask cluster to work on: found or started, and asked whether it sees and is what we are."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib

from models.booster import library_versions
from models.disk import write_whole
from shared.domain.errors import BadInput, Unavailable

_PATIENCE_SECONDS = 10
_PROBE = ".probe"


@contextmanager
def on_cluster(folder: Path, address: str, jobs: int) -> Generator[None]:
    """Let joblib work on the cluster of `address`; none named starts `jobs` processes here.

    Raises:
        BadInput: dask is not installed, the address is none, or a worker cannot do this work.
        Unavailable: nobody answers at the address, or there are no workers.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        found: Any = address
        if not address:
            found = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    security=True,  # whoever reaches a worker could run code in it
                )
            )
        client = stack.enter_context(_client(distributed, found))
        _refuse_strangers(client, folder)
        stack.enter_context(joblib.parallel_config(backend="dask"))
        yield


def view(probe: Path) -> tuple[bool, Mapping[str, str]]:
    """Return whether this process sees the file, and which libraries it computes with."""
    return probe.exists(), library_versions()


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        raise BadInput(
            "--backend", "dask is not installed", "pip install 'crypto-trading-engine[dask]'"
        ) from error


def _client(distributed: Any, cluster: Any) -> Any:
    try:
        return distributed.Client(cluster, timeout=_PATIENCE_SECONDS)
    except OSError as error:
        raise Unavailable(f"no dask scheduler answers at {cluster}: {error}") from error
    except ValueError as error:
        raise BadInput(
            "--scheduler", f"'{cluster}' is no address", "write for example tls://host:8786"
        ) from error


def _refuse_strangers(client: Any, folder: Path) -> None:
    """Refuse workers without the shared folder, or with other libraries than ours."""
    probe = folder / _PROBE
    write_whole(probe, b"")
    try:
        views: Mapping[str, tuple[bool, Mapping[str, str]]] = client.run(view, probe)
    except ImportError as error:
        raise BadInput(
            "--scheduler", f"a worker lacks the project: {error}", "install the same release there"
        ) from error
    finally:
        probe.unlink()
    if not views:
        raise Unavailable("the dask cluster has no workers; start some with 'dask worker'")
    for worker, (is_seen, versions) in views.items():
        if not is_seen:
            raise BadInput(
                "--scheduler",
                f"the worker {worker} does not see {folder}",
                "mount the folder of the models at the same path on every worker",
            )
        if versions != library_versions():
            raise BadInput(
                "--scheduler",
                f"the worker {worker} computes with {dict(versions)}",
                f"install {library_versions()} there: other libraries give other models",
            )
