"""Which releases are thrown away once a training has made newer ones."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from launcher.candles import is_synthetic
from launcher.models_home import models_folder
from launcher.trouble import of_database
from models.registry import RELEASES_KEPT, Registry
from models.signing import NOBODY
from shared.domain.errors import TradingError
from shared.runtime.service import build_runtime
from shared.runtime.settings import PlatformSettings
from signal_generator.app import NAME
from signal_generator.repository.served import releases_heard

_HEARD_WITHIN = timedelta(days=90)


def retire_old_releases(settings: PlatformSettings) -> str:
    """Delete old releases of every scope; return what happened in one line, empty if nothing did.

    Kept are the newest of each scope, those with a role and those that stored signals name: what
    made a signal can be asked why. Where that cannot be told, or on an invented market, all stay.
    """
    if is_synthetic(settings):
        return ""
    try:
        deleted = _deleted(settings)
    except SQLAlchemyError as error:
        return _kept(of_database(error).detail)
    except TradingError as error:
        return _kept(error.detail)
    except OSError as error:
        return _kept(str(error))
    return f"Old releases deleted: {', '.join(deleted)}." if deleted else ""


def _deleted(settings: PlatformSettings) -> Sequence[str]:
    with build_runtime(settings).transactions(NAME).read() as connection:
        in_use = releases_heard(connection, _HEARD_WITHIN)
    registry = Registry(models_folder(settings), trust=NOBODY)  # only names are looked at
    scopes = sorted({one.path.parent.name for one in registry.releases()})
    return [name for scope in scopes for name in registry.prune(scope, RELEASES_KEPT, in_use)]


def _kept(why: str) -> str:
    return f"Old releases were kept: {' '.join(why.split())}"
