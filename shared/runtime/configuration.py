"""How settings are read: environment over the file in TRADING_CONFIG, command line over both.

Whatever cannot be used is refused by the name an operator wrote; no value of a secret is repeated.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from yaml.parser import ParserError
from yaml.reader import ReaderError
from yaml.scanner import ScannerError

from shared.domain.errors import TradingError
from shared.runtime.logging import names_a_secret

SECTIONS = (
    "market",
    "market_data",
    "signal_generator",
    "signals",
    "recommender",
    "risk",
    "executor",
    "portfolio",
)
_PLATFORM_PREFIXES = ("trading_", "db_", "redis_")
_OF_OTHER_PROGRAMS = ("trading_config", "trading_api_key", "trading_host")
_SERVICE_LINK = re.compile(r"_service_(host|port)|_port_\d+_(tcp|udp)")  # set by Kubernetes

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class ConfigurationError(TradingError):
    """One or more settings that cannot be used; each line names one and what is allowed."""

    reason = "configuration"


class _ConfigFile(BaseSettings):
    trading_config: Path | None = None


def section(name: str) -> SettingsConfigDict:
    """Return the model_config of a section: environment NAME__FIELD, YAML `name: {field: ...}`."""
    return SettingsConfigDict(
        env_prefix=f"{name.upper()}__",
        extra="forbid",
        frozen=True,
        validate_default=True,
    )


def glimpse(name: str) -> SettingsConfigDict:
    """Return the model_config of a few settings of a section that is another service's."""
    return SettingsConfigDict(env_prefix=f"{name.upper()}__", extra="ignore", frozen=True)


class SectionSettings(BaseSettings):
    """Base of every service's settings; subclasses set `model_config = section("...")`."""

    is_whole: ClassVar[bool] = True

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del env_settings, dotenv_settings, file_secret_settings
        environment = _Environment(settings_cls)
        if cls.is_whole:
            environment.refuse_unknown()
        return init_settings, environment, InitSettingsSource(settings_cls, _from_file(cls))


class GlimpseSettings(SectionSettings):
    """Base of what a service reads of another's section; what is unknown is the other's to refuse.

    Subclasses set `model_config = glimpse("...")`.
    """

    is_whole: ClassVar[bool] = False


class _Environment(EnvSettingsSource):
    """The environment; refuses what is ours in it but no setting, and what should be JSON."""

    def refuse_unknown(self) -> None:
        prefix = self.env_prefix.lower()
        names = self.settings_cls.model_fields
        allowed = {prefix + name for name in names}
        if not prefix:
            allowed.update(_OF_OTHER_PROGRAMS)
        for name, value in self.env_vars.items():
            ours = name.lower().startswith((prefix,) if prefix else _PLATFORM_PREFIXES)
            if ours and name.lower() not in allowed and not _is_service_link(name, value):
                known = ", ".join(sorted(names)).upper()
                raise ConfigurationError(f"{name.upper()}: no such setting; known are {known}")

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        name = f"{self.env_prefix}{field_name}".upper()
        if field_name in SECTIONS:
            raise ConfigurationError(f"{name}: is a section; set {name}__... one by one")
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            raise ConfigurationError(f'{name}: is no JSON; write {{"name": value}}') from None


def _is_service_link(name: str, value: str | None) -> bool:
    return bool(_SERVICE_LINK.search(name.lower())) or str(value).startswith(("tcp://", "udp://"))


def _from_file(settings: type[BaseSettings]) -> dict[str, Any]:
    path = _ConfigFile().trading_config
    if path is None:
        return {}
    document = _document(path)
    name = str(settings.model_config.get("env_prefix", "")).removesuffix("__").lower()
    if not name:  # sections are read by their own class, or the file would beat the environment
        known = {*SECTIONS, *settings.model_fields}
        for key in document:
            if key not in known:
                raise ConfigurationError(
                    f"{path}: '{key}' is no section; known are {sorted(known)}"
                )
        return {key: value for key, value in document.items() if key not in SECTIONS}
    values = document.get(name) or {}
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path}: '{name}' must be a mapping of settings")
    return values


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from None
    except yaml.MarkedYAMLError as error:
        raise _unreadable(path, _without_content(error)) from None
    except ReaderError as error:
        raise _unreadable(path, f"byte {error.position} is no text; save it as UTF-8") from None
    except (ValueError, RecursionError):
        raise _unreadable(path, "a date or number in it is impossible; quote it") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(f"TRADING_CONFIG={path}: must be a mapping of sections")
    return document


def _without_content(error: yaml.MarkedYAMLError) -> str:
    """Return what is wrong and where; the line itself may hold a password, and so may its tags."""
    tells_syntax_only = isinstance(error, ScannerError | ParserError)
    problem = str(error.problem)
    if not tells_syntax_only or "tag handle" in problem:
        problem = "an alias, key or tag cannot be used; quote values that begin with * & or !"
    mark = error.problem_mark
    return problem if mark is None else f"line {mark.line + 1}: {problem}"


def _unreadable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"TRADING_CONFIG={path}: cannot be read: {why}")


def secret_of(value: SecretStr, file: Path | None, name: str) -> str:
    """Return a secret that is given itself, or as what is in the file that setting `name` names.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    if file is None:
        return value.get_secret_value()
    try:
        return file.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"{name}={file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}={file}: is no text; save it as UTF-8") from None


def load(settings: type[SettingsT], **overrides: Any) -> SettingsT:
    """Return the settings of this process.

    Raises:
        ConfigurationError: naming each setting at fault, its value, and what is allowed.
    """
    try:
        return settings(**overrides)
    except ValidationError as error:
        prefix = str(settings.model_config.get("env_prefix", ""))
        lines = [
            f"{prefix}{'.'.join(str(part) for part in item['loc'])}".upper()
            + f": {item['msg']}{_got(item['loc'], item.get('input'))}"
            for item in error.errors()
        ]
        raise ConfigurationError("\n".join(lines)) from None  # the cause would show every input


def _got(place: tuple[int | str, ...], value: Any) -> str:
    if isinstance(value, Mapping) or any(names_a_secret(str(part)) for part in place):
        return ""
    return f" (got {value!r})"
