"""The platform as a process of its own, to the end of its candles: `INSTANTS SEED`."""

import sys

from launcher.assembly import NAMES, build_services
from shared.bus.consumer import wait_until_idle
from shared.runtime.serve import Platform
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings, load


def main() -> int:
    instants, seed = int(sys.argv[1]), int(sys.argv[2])
    runtime = build_runtime(load(PlatformSettings))
    consumers = tuple(name for name in NAMES if name != "market_data")
    feed = {"limit": instants, "seed": seed, "candles_per_second": 0, "wait_for": consumers}
    platform = Platform(build_services(runtime, (), market_data=feed), runtime)
    platform.start()
    platform.wait_for("market_data.feed")
    wait_until_idle(runtime.transactions("observer"), platform.stop, 60)
    platform.shut_down()
    return int(platform.failed)


if __name__ == "__main__":
    sys.exit(main())
