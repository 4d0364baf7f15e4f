"""Commands that operate the platform: schema, configuration, a check-up."""

import shutil
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from executor.settings import ExecutorSettings
from launcher.assembly import BLUEPRINTS
from launcher.console import FAILED, err, out, print_json, print_table
from launcher.database import migrate
from launcher.demonstration import demonstration
from launcher.options import AsJson
from launcher.trouble import of_database, of_file
from launcher.venue_checks import check_venues
from market_data.settings import MarketDataSettings
from shared.db.base import SCHEMA_REVISION
from shared.db.engine import connect
from shared.db.schema import mismatch, schema_revision
from shared.domain.errors import TradingError
from shared.runtime.settings import Mode, PlatformSettings, load

_MIN_FREE_BYTES = 1_000_000_000


def migrate_database() -> None:
    """Bring the schema up to date; safe to run again."""
    revision = migrate(load(PlatformSettings).database())
    out.print(f"The schema is at revision [bold]{revision}[/].")


def _configuration() -> dict[str, Any]:
    platform = load(PlatformSettings)
    load(MarketDataSettings).refuse_start_off_grid(platform.market.interval)
    load(MarketDataSettings).refuse_in_mode(platform)
    document = platform.model_dump(mode="json")
    demonstrated = demonstration(platform)
    for blueprint in BLUEPRINTS:
        values = load(blueprint.settings, **demonstrated.get(blueprint.name, {}))
        document[blueprint.name] = values.model_dump(mode="json")
    return document


def show_configuration(as_json: AsJson = False) -> None:
    """Print the merged configuration; secrets are hidden."""
    document = _configuration()
    if as_json:
        print_json(document)
        return
    rows = [
        {"setting": f"{section}.{name}" if section else name, "value": str(value)}
        for section, values in _sections(document)
        for name, value in values.items()
    ]
    print_table("Configuration", rows, ("setting", "value"), empty="nothing is configured")


def _sections(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    nested = {"market", *(blueprint.name for blueprint in BLUEPRINTS)}
    platform = {name: value for name, value in document.items() if name not in nested}
    return [("", platform), *((name, document[name]) for name in sorted(nested))]


def check_configuration() -> None:
    """Read every setting and say whether all of them can be used."""
    _configuration()
    platform = load(PlatformSettings)
    platform.key_pepper()
    if not platform.keys() and platform.mode is not Mode.MOCK:
        err.print(
            "TRADING_API_KEYS is not set: paper and live do not start without a key, unless the "
            "database holds one."
        )
    out.print("The configuration is valid.")


def doctor(as_json: AsJson = False) -> None:
    """Check what the platform needs on this machine, with a remedy for what is missing."""
    settings = load(PlatformSettings)
    findings = [
        _finding("Python 3.11", sys.version_info[:2] == (3, 11), "install python3.11"),
        _finding(
            "1 GB of free disk",
            shutil.disk_usage(_existing(settings.state_dir)).free > _MIN_FREE_BYTES,
            "free some space, or point TRADING_STATE_DIR elsewhere",
        ),
        _configuration_finding(),
        *_database_findings(settings),
        *_venue_findings(settings),
    ]
    if as_json:
        print_json(findings)
    else:
        print_table("Doctor", findings, ("check", "result", "remedy"), empty="nothing to check")
    if any(finding["result"] != "ok" for finding in findings):
        sys.exit(FAILED)


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    absolute = folder.resolve()
    return next(one for one in (absolute, *absolute.parents) if one.is_dir())


def _finding(check: str, is_well: bool, remedy: str) -> dict[str, str]:
    return {
        "check": check,
        "result": "ok" if is_well else "failed",
        "remedy": "" if is_well else remedy,
    }


def _configuration_finding() -> dict[str, str]:
    try:
        _configuration()
    except TradingError as error:
        return _finding("configuration", False, error.detail)
    return _finding("configuration", True, "")


def _venue_findings(settings: PlatformSettings) -> list[dict[str, str]]:
    try:
        placed = load(ExecutorSettings)
    except TradingError:
        return []  # told already, with the rest of the configuration
    return [
        _finding(check, wrong is None, wrong or "")
        for check, wrong in check_venues(settings, placed)
    ]


def _database_findings(settings: PlatformSettings) -> list[dict[str, str]]:
    try:
        engine = connect(settings.database())
    except OSError as error:
        return [_finding("database answers", False, of_file(error).detail)]
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            wrong = mismatch(schema_revision(connection))
    except SQLAlchemyError as error:
        return [_finding("database answers", False, of_database(error).detail)]
    finally:
        engine.dispose()
    return [
        _finding("database answers", True, ""),
        _finding(f"schema at {SCHEMA_REVISION}", wrong is None, wrong or ""),
    ]
