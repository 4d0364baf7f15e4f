"""Logs are facts with keys; secrets never pass."""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_SECRET_WORDS = ("key", "secret", "password", "passphrase", "token", "authorization")
_HARMLESS = frozenset({"key_id", "scope_key"})
_HIDDEN = "[redacted]"
_OUR_KEYS = re.compile(r"tk_[a-z]+_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")
_SHORTEST_SECRET = 8  # a shorter one would blot out ordinary words


def names_a_secret(name: str) -> bool:
    lowered = name.lower()
    return lowered not in _HARMLESS and any(word in lowered for word in _SECRET_WORDS)


def _without_secrets(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return _hidden(event)


def _hidden(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _HIDDEN if names_a_secret(str(name)) else _inside(values[name]) for name in values
    }


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _hidden(value)
    if isinstance(value, list):
        return [_inside(one) for one in value]
    if isinstance(value, tuple):  # exc_info is one and must stay one
        return tuple(_inside(one) for one in value)
    return value


class _Hidden:
    """What is taken out of every line, wherever it stands: known secrets and keys of ours."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self.pattern = _OUR_KEYS

    def add(self, secrets: Sequence[str]) -> None:
        # line by line: the ends of lines of a private key are written otherwise in JSON
        parts = (line for one in secrets for line in one.splitlines() if not line.startswith("--"))
        self._secrets.update(one for one in parts if len(one) >= _SHORTEST_SECRET)
        longest_first = sorted(map(re.escape, self._secrets), key=len, reverse=True)
        self.pattern = re.compile("|".join([*longest_first, _OUR_KEYS.pattern]))


_HIDDEN_NOW = _Hidden()


def hide(secrets: Sequence[str]) -> None:
    """Take these out of every line from now on."""
    _HIDDEN_NOW.add(secrets)


def _rendering(renderer: Any) -> Processor:
    def render(logger: WrappedLogger, name: str, event: EventDict) -> str:
        return _HIDDEN_NOW.pattern.sub(_HIDDEN, renderer(logger, name, event))

    return render


def configure(*, as_json: bool, level: str = "INFO", secrets: Sequence[str] = ()) -> None:
    """Send all logs to standard error: JSON for machines, coloured lines for a terminal."""
    hide(secrets)
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_secrets,
    ]
    last: list[Processor] = (
        [
            structlog.processors.format_exc_info,
            _rendering(structlog.processors.JSONRenderer()),
        ]
        if as_json
        else [_rendering(_for_a_terminal())]
    )
    structlog.configure(
        processors=[*common, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    of_libraries = logging.StreamHandler(sys.stderr)
    of_libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=common,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[of_libraries], level=logging.WARNING, force=True)


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    """Print to what standard error is when the line is written, not when logs were set up."""
    return structlog.PrintLogger(sys.stderr)


def _for_a_terminal() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        exception_formatter=structlog.dev.plain_traceback,  # the rich one shows local variables
    )


def get_logger() -> Any:
    """Return the logger; call as `log.info("order.accepted", client_order_id=...)`."""
    return structlog.get_logger()
