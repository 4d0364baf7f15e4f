"""Every service, in the order in which a candle passes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import executor.app
import executor.settings
import market_data.app
import market_data.settings
import portfolio.app
import portfolio.settings
import recommender.app
import recommender.settings
import risk.app
import risk.settings
import signal_generator.app
import signal_generator.settings
import signals.app
import signals.settings
from launcher.demonstration import demonstration
from shared.domain.errors import BadInput
from shared.runtime.service import Runtime, Service
from shared.runtime.settings import SectionSettings, load


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    name: str
    port: int
    settings: type[SectionSettings]
    build: Callable[[Any, Runtime], Service]


BLUEPRINTS = (
    Blueprint(
        name=executor.app.NAME,
        port=executor.app.PORT,
        settings=executor.settings.ExecutorSettings,
        build=executor.app.build,
    ),
    Blueprint(
        name=portfolio.app.NAME,
        port=portfolio.app.PORT,
        settings=portfolio.settings.PortfolioSettings,
        build=portfolio.app.build,
    ),
    Blueprint(
        name=risk.app.NAME,
        port=risk.app.PORT,
        settings=risk.settings.RiskSettings,
        build=risk.app.build,
    ),
    Blueprint(
        name=signal_generator.app.NAME,
        port=signal_generator.app.PORT,
        settings=signal_generator.settings.SignalGeneratorSettings,
        build=signal_generator.app.build,
    ),
    Blueprint(
        name=signals.app.NAME,
        port=signals.app.PORT,
        settings=signals.settings.SignalsSettings,
        build=signals.app.build,
    ),
    Blueprint(
        name=recommender.app.NAME,
        port=recommender.app.PORT,
        settings=recommender.settings.RecommenderSettings,
        build=recommender.app.build,
    ),
    Blueprint(
        name=market_data.app.NAME,
        port=market_data.app.PORT,
        settings=market_data.settings.MarketDataSettings,
        build=market_data.app.build,
    ),
)
NAMES = tuple(blueprint.name for blueprint in BLUEPRINTS)
PORTS = {blueprint.name: blueprint.port for blueprint in BLUEPRINTS}


def chosen(names: Sequence[str]) -> tuple[Blueprint, ...]:
    """Return the named services (all when none is named).

    Raises:
        BadInput: a name is not a service.
    """
    for name in names:
        if name not in NAMES:
            raise BadInput(
                "--services", f"'{name}' is no service", f"choose from {', '.join(NAMES)}"
            )
    return tuple(one for one in BLUEPRINTS if not names or one.name in names)


def build_services(
    runtime: Runtime, names: Sequence[str] = (), **overrides: dict[str, Any]
) -> list[Service]:
    """Build the services on one runtime; `overrides` are settings by service."""
    demonstrated = demonstration(runtime.settings)

    def told(name: str) -> dict[str, Any]:
        return {**demonstrated.get(name, {}), **overrides.get(name, {})}

    return [
        blueprint.build(load(blueprint.settings, **told(blueprint.name)), runtime)
        for blueprint in chosen(names)
    ]
