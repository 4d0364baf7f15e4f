"""Reads the running services over REST, the way any other program would."""

from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from secrets import token_hex
from typing import Any

import httpx
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from launcher.assembly import PORTS
from shared.domain.errors import BadInput, Refused, TradingError, Unavailable
from shared.http.auth import HEADER
from shared.http.keys import SCOPES
from shared.runtime.first_start import KEY_FILE
from shared.runtime.settings import PlatformSettings

_TIMEOUT_SECONDS = 10.0


class AnsweredNo(Refused):
    """A service's own refusal; `document` is the whole problem it answered with."""

    def __init__(self, detail: str, document: Mapping[str, Any]) -> None:
        super().__init__(detail)
        self.document = document


class _ClientSettings(BaseSettings):
    trading_api_key: SecretStr | None = None
    trading_host: str = ""


def _reachable(bind_host: str) -> str:
    """Return where to ask for what listens there; of all addresses, this machine's own."""
    try:
        listens_everywhere = ip_address(bind_host).is_unspecified
    except ValueError:  # a name
        return bind_host
    return "127.0.0.1" if listens_everywhere else bind_host


class Platform:
    """The services of one host: TRADING_HOST, else where services of these settings listen.

    `{service}` in TRADING_HOST stands for a service's name, where each has a host of its own.

    The key is that of TRADING_API_KEY, else the strongest of TRADING_API_KEYS, else what the first
    start in mock mode left in its file.
    """

    def __init__(self, settings: PlatformSettings) -> None:
        client = _ClientSettings()
        self._host = client.trading_host or _reachable(settings.trading_bind_host)
        key = _key(client, settings)
        self._http = httpx.Client(
            headers={HEADER: key} if key else {},
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),  # nothing stays open for nobody
        )

    def get(self, service: str, path: str, **query: str | int) -> Any:
        """Return the JSON answer.

        Raises:
            Unavailable: the service does not answer, or something it needs does not.
            BadInput: it cannot use what was asked; the detail names the field.
            AnsweredNo: it answered with another problem; the detail says which.
        """
        return self._call("GET", service, path, params=query)

    def post(self, service: str, path: str, body: dict[str, Any]) -> Any:
        once = {"Idempotency-Key": token_hex(16)}  # each command is a wish of its own
        return self._call("POST", service, path, json=body, headers=once)

    def health(self, service: str) -> dict[str, Any] | None:
        try:
            return self._http.get(self._url(service, "/health")).json()
        except (httpx.HTTPError, ValueError):
            return None

    def _url(self, service: str, path: str) -> str:
        host = self._host.replace("{service}", service.replace("_", "-"))
        return f"http://{host}:{PORTS[service]}{path}"

    def _call(self, method: str, service: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._http.request(method, self._url(service, path), **arguments)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"{service} does not answer on {self._url(service, '')}; is 'trading up' running?"
            ) from error
        document = _document(answer)
        if answer.is_error:
            raise _problem(
                service, answer.status_code, {"detail": answer.reason_phrase, **document}
            )
        return document


def _problem(service: str, status: int, document: Mapping[str, Any]) -> TradingError:
    detail = document["detail"]
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        problem, _, remedy = detail.rpartition("; ")  # it says what to do, last of all
        return BadInput(service, problem or "it cannot be used", remedy)
    problem = f"{service} answered {status}: {detail}"
    if status == HTTPStatus.UNAUTHORIZED:
        problem += (
            "; TRADING_API_KEY must be one of those it was started with (TRADING_API_KEYS, "
            "without the scope)"
        )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Unavailable(problem)
    return AnsweredNo(problem, document)


def _document(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return {"detail": answer.text[:200]}


def _key(client: _ClientSettings, settings: PlatformSettings) -> str | None:
    if client.trading_api_key is not None:
        return client.trading_api_key.get_secret_value()
    configured = zip(settings.keys(), settings.key_texts(), strict=True)
    strongest = max(configured, key=lambda one: SCOPES.index(one[0].principal.scope), default=None)
    if strongest is not None:
        return strongest[1]
    file = settings.state_dir / KEY_FILE
    return file.read_text().strip() if file.is_file() else None
