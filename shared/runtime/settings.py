"""What the platform can be told: its mode, its market, its database and its keys."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from shared.bus.redis_address import RedisAddress
from shared.db.engine import DatabaseAddress
from shared.domain.ids import AccountId
from shared.http.buckets import SAFETY, Rate
from shared.http.keys import SCOPES, KnownKey, Principal, digest_of
from shared.runtime.configuration import (
    ConfigurationError,
    SectionSettings,
    load,
    secret_of,
    section,
)
from shared.runtime.market import MarketSettings, split_list

__all__ = [
    "ConfigurationError",
    "MarketSettings",
    "Mode",
    "PlatformSettings",
    "SectionSettings",
    "load",
    "section",
]

_MIN_KEY_LENGTH = 32
_ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")


class Mode(StrEnum):
    MOCK = "mock"
    PAPER = "paper"
    LIVE = "live"


class PlatformSettings(SectionSettings):
    """What every process of the platform needs to know; names as operators already use them."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, validate_default=True)

    trading_mode: Mode = Field(Mode.MOCK, description="mock, paper or live")
    trading_account: str = Field(
        "main", pattern=r"^[a-z0-9-]{1,40}$", description="name of the account"
    )
    trading_state_dir: Path = Field(Path("var"), description="where files are kept")
    trading_bind_host: str = Field("127.0.0.1", description="address the services listen on")
    trading_log_level: str = Field(
        "INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$", description="least level that is logged"
    )
    trading_event_log_days: int = Field(
        90, ge=1, description="days after which a fact that everybody has heard is forgotten"
    )
    trading_crash_at: str = Field(
        "",
        pattern=r"^$|^[a-z_]+:(before|after):\d+$|^[a-z]+\.[a-z_]+:\d+$",
        description="kill this process, for tests, at a commit (producer:before|after:count) or "
        "at a point of an order's way (executor.signed:count)",
    )
    trading_live_confirm: str = Field(
        "", description="fingerprint of the account that may trade real money (live mode)"
    )
    trading_api_keys: SecretStr = Field(
        SecretStr(""), description="keys as scope:key, separated by commas; scopes read trade admin"
    )
    trading_api_keys_file: Path | None = Field(None, description="file holding the same")
    trading_key_pepper: SecretStr = Field(
        SecretStr(""),
        description="what keys in the database are hashed with, the same for every service; "
        "mock makes one in the state folder",
    )
    trading_key_pepper_file: Path | None = Field(None, description="file holding the pepper")
    trading_cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="web pages that may read answers, as https://host, separated by commas",
    )
    trading_reads_per_second: float = Field(
        50, gt=0, le=1e6, description="reading calls of one key to one service, per second"
    )
    trading_reads_burst: int = Field(
        100, ge=1, le=1_000_000, description="reading calls of one key that may come at once"
    )
    trading_deeds_per_second: float = Field(
        10, gt=0, le=1e6, description="trade and admin calls of one key to one service, per second"
    )
    trading_deeds_burst: int = Field(
        20, ge=1, le=1_000_000, description="trade and admin calls that may come at once"
    )
    trading_unknown_keys_per_minute: int = Field(
        10, ge=1, le=1_000_000, description="unknown keys from one address before it is locked out"
    )
    trading_model_signing_key_file: Path | None = Field(
        None,
        description="Ed25519 private key (PEM) that signs what is trained; unset means "
        "`keys/model_signing.pem` in the state folder, made at the first training",
    )
    allow_unsigned_models: bool = Field(
        default=False,
        description="believe models without a signature: for development, refused in live",
    )
    db_host: str | None = Field(None, description="MySQL or MariaDB host; unset means SQLite")
    db_port: int = Field(3306, ge=1, le=65535, description="its port")
    db_user: str = Field("trading", description="its user")
    db_password: SecretStr = Field(SecretStr(""), description="its password")
    db_password_file: Path | None = Field(None, description="file holding the password")
    redis_host: str | None = Field(None, description="Redis host; unset means in-process doorbell")
    redis_port: int = Field(6379, ge=1, le=65535, description="its port")
    redis_user: str = Field("default", description="its user (ACL)")
    redis_password: SecretStr = Field(SecretStr(""), description="its password")
    redis_password_file: Path | None = Field(None, description="file holding the password")
    market: MarketSettings = Field(default_factory=lambda: load(MarketSettings))

    @field_validator("trading_cors_origins", mode="before")
    @classmethod
    def _origins_from_text(cls, value: Any) -> Any:
        return split_list(value)

    @field_validator("trading_cors_origins")
    @classmethod
    def _whole_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not _ORIGIN.fullmatch(one):
                raise ValueError(
                    f"'{one}' is no origin: name each as https://host or https://host:port; "
                    "there is no word for all"
                )
        return value

    @model_validator(mode="after")
    def _refused_in_live(self) -> Self:
        if self.trading_mode is Mode.LIVE and self.trading_crash_at:
            raise ValueError("TRADING_CRASH_AT is for tests and is refused in live")
        if self.trading_mode is Mode.LIVE and self.allow_unsigned_models:
            raise ValueError("ALLOW_UNSIGNED_MODELS is for development and is refused in live")
        return self

    @property
    def mode(self) -> Mode:
        return self.trading_mode

    @property
    def account(self) -> AccountId:
        return AccountId(f"{self.trading_mode}-{self.trading_account}")

    @property
    def state_dir(self) -> Path:
        return self.trading_state_dir

    def database(self) -> DatabaseAddress:
        return DatabaseAddress(
            host=self.db_host,
            port=self.db_port,
            user=self.db_user,
            password=self._database_secret(),
            file=self.trading_state_dir / "trading.sqlite",
        )

    def keys(self) -> tuple[KnownKey, ...]:
        """Return the configured API keys.

        Raises:
            ConfigurationError: an entry without a known scope, or a key that is too short.
        """
        return tuple(_known_key(number, entry) for number, entry in enumerate(self._entries(), 1))

    def key_texts(self) -> tuple[str, ...]:
        """Return the configured keys themselves, for whoever must judge how strong they are."""
        return tuple(entry.partition(":")[2] for entry in self._entries())

    def key_pepper(self) -> str:
        """Return the configured pepper, empty where there is none.

        Raises:
            ConfigurationError: it is short enough to be guessed, or its file cannot be read.
        """
        setting = "TRADING_KEY_PEPPER_FILE"
        pepper = secret_of(self.trading_key_pepper, self.trading_key_pepper_file, setting)
        if pepper and len(pepper) < _MIN_KEY_LENGTH:
            raise ConfigurationError(
                f"TRADING_KEY_PEPPER: it has fewer than {_MIN_KEY_LENGTH} characters; make one "
                "with 'openssl rand -hex 32'"
            )
        return pepper

    def rates(self) -> Mapping[str, Rate]:
        reads = Rate(per_second=self.trading_reads_per_second, burst=self.trading_reads_burst)
        deeds = Rate(per_second=self.trading_deeds_per_second, burst=self.trading_deeds_burst)
        return {name: reads if name == "read" else deeds for name in (*SCOPES, SAFETY)}

    def redis(self) -> RedisAddress | None:
        """Return where Redis is, None where there is none."""
        if self.redis_host is None:
            return None
        return RedisAddress(
            host=self.redis_host,
            port=self.redis_port,
            user=self.redis_user,
            password=self._redis_secret(),
        )

    def _redis_secret(self) -> str:
        return secret_of(self.redis_password, self.redis_password_file, "REDIS_PASSWORD_FILE")

    def secrets(self) -> tuple[str, ...]:
        """Return every secret this process knows, for the log to leave out."""
        return (
            self._database_secret(),
            self._redis_secret(),
            *self.key_texts(),
            self.key_pepper(),
        )

    def _database_secret(self) -> str:
        return secret_of(self.db_password, self.db_password_file, "DB_PASSWORD_FILE")

    def _entries(self) -> list[str]:
        text = secret_of(self.trading_api_keys, self.trading_api_keys_file, "TRADING_API_KEYS_FILE")
        return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


def _known_key(number: int, entry: str) -> KnownKey:
    scope, colon, key = entry.partition(":")
    if not colon or scope not in SCOPES:
        raise ConfigurationError(
            f"TRADING_API_KEYS: entry {number} must read scope:key with a scope of {SCOPES}"
        )
    if len(key) < _MIN_KEY_LENGTH:
        raise ConfigurationError(
            f"TRADING_API_KEYS: the key of entry {number} has fewer than {_MIN_KEY_LENGTH} "
            "characters; make one with 'openssl rand -hex 32' and set TRADING_API_KEYS=read:KEY"
        )
    principal = Principal(name=f"configured-{number}", scope=scope)
    return KnownKey(principal=principal, digest=digest_of(key))
