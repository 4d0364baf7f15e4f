"""Every service as `trading up` builds it, and the executor of a venue beside it, without a socket."""

from contextlib import contextmanager
from threading import Event

import pytest

from executor.app import build as build_executor
from executor.settings import ExecutorSettings
from launcher.assembly import BLUEPRINTS, build_services
from shared.http.keys import SCOPES
from shared.runtime.service import build_runtime
from shared.runtime.settings import Mode, PlatformSettings, load
from tests.database import empty_database

KEYS = {scope: scope[0] * 40 for scope in SCOPES}
CONFIGURED = ",".join(f"{scope}:{key}" for scope, key in KEYS.items())
PEPPER = "a-pepper-that-is-long-enough-for-tests"
AT_A_VENUE = "executor at a venue"
SERVICES = [*(one.name for one in BLUEPRINTS), AT_A_VENUE]
OPEN = {"/health", "/health/live", "/health/ready", "/metrics"}
PATIENT = {  # tests ask faster than anybody may
    "trading_reads_per_second": 1e6,
    "trading_reads_burst": 1_000_000,
    "trading_deeds_per_second": 1e6,
    "trading_deeds_burst": 1_000_000,
    "trading_unknown_keys_per_minute": 1_000_000,
}
VENUE_KEYS = {
    f"KUCOIN_API_{part}": "for-a-venue-that-is-not-there"
    for part in ("KEY", "SECRET", "PASSPHRASE")
}


@contextmanager
def all_services(folder, venue_keys=VENUE_KEYS, **settings):
    """Give (runtime, application by service), all on one empty database in `folder`."""
    told = {"trading_api_keys": CONFIGURED, "trading_key_pepper": PEPPER, **PATIENT, **settings}
    platform = load(PlatformSettings, trading_state_dir=folder, **told)
    empty_database(platform.database())
    runtime = build_runtime(platform)
    services = build_services(runtime)
    for task in (one for service in services for one in service.tasks if one.name == "opening"):
        task.run(Event())  # an account there is, though nothing has happened on it
    found = {one.name: one.api for one in services}
    paper = build_runtime(platform.model_copy(update={"trading_mode": Mode.PAPER}))
    nowhere = ExecutorSettings(venue="kucoin", venue_url="http://127.0.0.1:9")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in venue_keys.items():
            environment.setenv(name, value)
        found[AT_A_VENUE] = build_executor(nowhere, paper).api
    yield runtime, found


def guarded(api):
    """Give (method, path, scope) of every operation but the probes; scope None: it needs no key."""
    for path, methods in api.openapi()["paths"].items():
        for method, operation in methods.items():
            if path not in OPEN:
                schemes = {name for one in operation.get("security", ()) for name in one}
                yield method.upper(), path, max(schemes, key=SCOPES.index, default=None)
