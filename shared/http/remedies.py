"""What is wrong with an input, and what to do about it, in words; from pydantic's errors."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from shared.http.idempotency import HEADER

_OURS = "Value error, "
_INSTANT = ("it is no instant", "write an instant as 2024-01-31T00:00:00Z")
_WHOLE = ("it is no whole number", "write a whole number")
_NUMBER = ("it is no number", "write a finite number")
_YES_OR_NO = ("it is neither true nor false", "write true or false")
_TEXT = ("it is no text", "write text, in quotes in JSON")
_OBJECT = ("it is no JSON object", "send fields and values, in braces")
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("it is missing", "add it"),
    "extra_forbidden": ("there is no such field", "leave it out, or check its spelling"),
    "json_invalid": ("it is no JSON ({error})", "send valid JSON"),
    "string_type": _TEXT,
    "string_unicode": ("it is no Unicode text", "leave out halves of surrogate pairs"),
    "string_too_short": ("it is too short", "write at least {min_length} characters"),
    "string_too_long": ("it is too long", "write at most {max_length} characters"),
    "string_pattern_mismatch": ("it is not written as it should be", "let it match {pattern}"),
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": ("it is too large", "write a smaller whole number"),
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "greater_than": ("it is too small", "write more than {gt}"),
    "greater_than_equal": ("it is too small", "write at least {ge}"),
    "less_than": ("it is too large", "write less than {lt}"),
    "less_than_equal": ("it is too large", "write at most {le}"),
    "literal_error": ("there is no such word here", "choose {expected}"),
    "enum": ("there is no such word here", "choose {expected}"),
    "union_tag_invalid": ("there is no such word here", "choose one of {expected_tags}"),
    "union_tag_not_found": ("it is missing", "say which kind is meant"),
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "list_type": ("it is no JSON list", "send a list, in brackets"),
    "too_short": ("there are too few", "name at least {min_length}"),
    "too_long": ("there are too many", "name at most {max_length}"),
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "datetime_object_invalid": _INSTANT,
}
_HEADERS = {HEADER: "send 8 to 128 visible ASCII characters, fresh for each wish"}


def in_words(error: Mapping[str, Any], body: Any) -> dict[str, str]:
    """Return one error of an input as a document shows it: field, where, problem and remedy.

    `body` is the whole of what was sent: the variant it was taken for is no part of a field's name.
    """
    where, *path = (str(part) for part in error["loc"])
    if path and _is_variant(path[0], body):
        path = path[1:]
    context: Mapping[str, Any] = error.get("ctx", {})
    tag = str(context.get("discriminator", "")).strip("'")
    field = ".".join([*path, tag] if tag else path) or where
    problem, remedy = _said(error, context)
    remedy = _HEADERS.get(field, remedy) if where == "header" else remedy
    return {"field": field, "where": where, "problem": problem, "remedy": remedy}


def _is_variant(name: str, body: Any) -> bool:
    return isinstance(body, dict) and name not in body and name in body.values()


def _said(error: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str]:
    given = error.get("input")
    if isinstance(given, float) and not isfinite(given):
        return _NUMBER
    kind, message = str(error["type"]), str(error["msg"])
    if kind in _WORDS:
        problem, remedy = _WORDS[kind]
        return problem.format(**context), remedy.format(**context)
    if message.startswith(_OURS):  # a validator of ours: "problem; remedy", or the remedy alone
        problem, found, remedy = message.removeprefix(_OURS).partition("; ")
        return (problem, remedy) if found else ("it cannot be used as it is", problem)
    return message, "change it so that this no longer holds"
