"""The pepper that digests of API keys are made with; on one machine it makes itself once."""

import os
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex

from shared.http.keys import StoredKey, sign_of
from shared.runtime.settings import ConfigurationError, Mode, PlatformSettings

PEPPER_FILE = "key-pepper"


def pepper_of(settings: PlatformSettings) -> bytes | None:
    """Return the pepper as configured, or what an earlier start in mock mode has left; or None.

    Raises:
        ConfigurationError: it is too short, or the file that should hold it cannot be read.
    """
    told = settings.key_pepper()
    if told:
        return told.encode()
    path = settings.state_dir / PEPPER_FILE
    if settings.mode is not Mode.MOCK or not path.is_file():
        return None
    return _read(path)


def ensure_pepper(settings: PlatformSettings) -> bytes:
    """Return the pepper; in mock mode it is made once where there is none.

    Raises:
        ConfigurationError: paper or live without one.
    """
    known = pepper_of(settings)
    if known is not None:
        return known
    if settings.mode is not Mode.MOCK:
        raise ConfigurationError(
            "TRADING_KEY_PEPPER: keys in the database are hashed with it, and it is not set; make "
            "one with 'openssl rand -hex 32' and give it, or a file holding it in "
            "TRADING_KEY_PEPPER_FILE, to every service"
        )
    return _make(settings.state_dir / PEPPER_FILE)


def of_another(pepper: bytes, valid: Iterable[StoredKey]) -> tuple[StoredKey, ...]:
    """Return the keys that were made with another pepper: nobody can show them to be known."""
    sign = sign_of(pepper)
    return tuple(one for one in valid if one.pepper != sign)


def another_pepper(keys: Iterable[StoredKey]) -> ConfigurationError:
    ids = ", ".join(one.principal.key_id for one in keys)
    return ConfigurationError(
        f"TRADING_KEY_PEPPER: the keys {ids} were made with another pepper and are refused; give "
        "that one, or end each of them with 'trading keys revoke ID'"
    )


def _make(path: Path) -> bytes:
    """Keep a new pepper, readable by its owner only; where another process was first, take its."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(token_hex(32) + "\n")
        file.flush()
        os.fsync(handle)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    text = path.read_text().strip()
    if not text:
        raise ConfigurationError(f"{path}: is empty; the keys in the database are lost without it")
    return text.encode()
