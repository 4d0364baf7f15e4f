"""One service as a process of its own: `python -m <service>`."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from shared.bus.consumer import in_one_line
from shared.domain.errors import TradingError
from shared.runtime.first_start import ensure_key
from shared.runtime.listening import listen
from shared.runtime.logging import configure
from shared.runtime.serve import serve_at, stop_on_signals
from shared.runtime.service import VERSION, Runtime, Service, build_runtime
from shared.runtime.settings import ConfigurationError, PlatformSettings, SectionSettings, load
from shared.runtime.waiting import schema_check, wait_until_met, waiting_room

CONFIGURATION_EXIT = 78

SettingsT = TypeVar("SettingsT", bound=SectionSettings)


def main(
    name: str,
    port: int,
    section_settings: type[SettingsT],
    build: Callable[[SettingsT, Runtime], Service],
) -> None:
    """Serve one service until it is told to stop, and end the process.

    Exit code 78 where the configuration cannot be used: no restart will help.
    """
    try:
        code = _run(name, port, section_settings, build)
    except ConfigurationError as error:
        sys.stderr.write(f"The configuration cannot be used:\n{error.detail}\n")
        code = CONFIGURATION_EXIT
    except TradingError as error:
        sys.stderr.write(f"{error.detail}\n")
        code = 1
    except SQLAlchemyError as error:
        sys.stderr.write(f"The database cannot be used: {in_one_line(error)}\n")
        code = 1
    sys.exit(code)


def _run(
    name: str,
    port: int,
    section_settings: type[SettingsT],
    build: Callable[[SettingsT, Runtime], Service],
) -> int:
    settings = load(PlatformSettings)
    configure(
        as_json=not sys.stderr.isatty(),
        level=settings.trading_log_level,
        secrets=settings.secrets(),
    )
    service_settings = load(section_settings)
    runtime = build_runtime(settings)
    # a server may come later than its clients; the file of this machine is there or never
    checks = () if settings.database().is_embedded else (schema_check(runtime),)
    identity = {"service": name, "version": VERSION, "mode": settings.mode}
    with ExitStack() as held, stop_on_signals() as stop:
        listening = listen(name, settings.trading_bind_host, port, held)
        with waiting_room(identity, listening, checks):
            if not wait_until_met(checks, stop):
                return 0
            ensure_key(runtime)
            service = build(service_settings, runtime)
        return serve_at([listening], [service], runtime, stop)
