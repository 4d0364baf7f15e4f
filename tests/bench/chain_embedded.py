"""All services in this process on SQLite, every thread as in `trading up`."""

import sys

from launcher.assembly import NAMES, build_services
from launcher.database import migrate
from shared.bus.consumer import is_idle
from shared.runtime.logging import configure
from shared.runtime.serve import Platform
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load
from tests.bench.chain import in_background, report
from tests.bench.machine import resident_mb
from tests.bench.probe import Probe, bare_commits


def main(count: int) -> None:
    settings = load(PlatformSettings)
    configure(as_json=True, level="WARNING")
    migrate(settings.database())
    runtime = build_runtime(settings)
    transactions = runtime.transactions("bench")
    floor = bare_commits(transactions.engine)
    consumers = tuple(name for name in NAMES if name != "market_data")
    services = build_services(runtime, (), market_data={"wait_for": consumers})
    platform = Platform(services, runtime)
    probe = Probe(transactions.engine, runtime.doorbell)
    platform.start()
    feed = in_background(lambda: platform.wait_for("market_data.feed"))
    probe.listen(lambda: not feed.is_alive() and is_idle(transactions), 60.0)
    memory = {"all in one": resident_mb()}
    platform.shut_down()
    if platform.failed:
        raise SystemExit("a service failed")
    report(probe.heard, count, floor=floor, resident_mb=memory)


if __name__ == "__main__":
    main(int(sys.argv[1]))
