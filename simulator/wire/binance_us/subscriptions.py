"""What a client may say on a stream: name streams, leave them, list them, and how it wants them."""

import json
from dataclasses import dataclass, field
from typing import Any

_METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")


@dataclass(slots=True, kw_only=True)
class Subscriptions:
    """The streams of one connection by name; `is_combined`: events are wrapped with it."""

    names: list[str] = field(default_factory=list[str])
    is_combined: bool = False

    def hear(self, text: str) -> dict[str, Any]:
        """Do what the client says and return the answer."""
        try:
            said = json.loads(text, parse_float=str)
        except ValueError:
            return _error(3, "Invalid JSON: expected value at line 1 column 1")
        if not isinstance(said, dict) or "method" not in said:
            return _error(2, "Invalid request: missing field `method` at line 1 column 1")
        request: dict[str, Any] = said
        number = request.get("id")
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            return _error(2, "Invalid request: request ID must be an unsigned integer")
        if request["method"] not in _METHODS:
            variants = ", ".join(f"`{name}`" for name in _METHODS)
            return _error(
                2,
                f"Invalid request: unknown variant `{request['method']}`, "
                f"expected one of {variants} at line 1 column 28",
            )
        return self._done(str(request["method"]), request.get("params"), number)

    def _done(self, method: str, parameters: Any, number: int) -> dict[str, Any]:
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.names), "id": number}
        if not isinstance(parameters, list):
            return _error(2, "Invalid request: missing field `params` at line 1 column 1")
        values: list[Any] = parameters
        if method.endswith("PROPERTY"):
            return self._property(method, values, number)
        if not all(isinstance(one, str) for one in values):
            return _error(2, "Invalid request: stream names must be strings")
        kept = [one for one in self.names if one not in values]
        self.names = kept if method == "UNSUBSCRIBE" else [*kept, *dict.fromkeys(values)]
        return {"result": None, "id": number}

    def _property(self, method: str, values: list[Any], number: int) -> dict[str, Any]:
        if not values or not isinstance(values[0], str):
            return _error(2, "Invalid request: property name must be a string")
        if values[0] != "combined":
            return {**_error(0, "Unknown property"), "id": number}
        if method == "GET_PROPERTY":
            return {"result": self.is_combined, "id": number}
        if len(values) != 2 or not isinstance(values[1], bool):
            return _error(1, "Invalid value type: expected Boolean")
        self.is_combined = values[1]
        return {"result": None, "id": number}


def _error(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "msg": message}
