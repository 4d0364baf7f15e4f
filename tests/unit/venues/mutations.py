"""Valid answers of venues, damaged at random and always alike: the same seed, the same damage.

`damaged(valid, seed)` returns the bytes of a document in which one to three things are wrong: a
field missing, renamed or twice, a value of another type, a number beyond every sense, endless
nesting, bytes cut off, replaced or put in between. Some damage leaves a readable document.
"""

import json
import random

_STRANGE = (
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "9" * 400,
    "9" * 5000,
    "0." + "0" * 300 + "1",
    '""',
    '" "',
    '"NaN"',
    '"Infinity"',
    '"-1"',
    '"1e400"',
    '"1_000"',
    '"0x10"',
    '"\\u0661"',
    '"\\ud800"',
    '"' + "a" * 5000 + '"',
    "[]",
    "[null]",
    "[[]]",
    "{}",
    '{"a":1}',
    "[" * 200 + "]" * 200,
    "[" * 100_000,
)
_MARK = "\x00strange"


def damaged(valid: object, seed: int) -> bytes:
    """Return the bytes of `valid` (anything `json.dumps` takes), damaged."""
    chance = random.Random(seed)
    document = json.loads(json.dumps(valid))
    strange: list[str] = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        document = _hurt(document, chance, strange)
    text = json.dumps(document)
    for number, value in enumerate(strange):
        text = text.replace(json.dumps(f"{_MARK}{number}"), value)
    if chance.random() < 0.2:
        text = _doubled(text, chance)
    body = text.encode()
    return _broken(body, chance) if chance.random() < 0.25 else body


def _hurt(document: object, chance: random.Random, strange: list[str]) -> object:
    """Damage one place, anywhere in the document."""
    places = list(_places(document))
    if not places or chance.random() < 0.03:
        strange.append(chance.choice(_STRANGE))
        return f"{_MARK}{len(strange) - 1}"
    holder, key = chance.choice(places)
    match chance.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[chance.choice(("renamed", key.upper(), key + "_"))] = holder.pop(key)
        case 2:
            holder[key] = _other_type(holder[key], chance)
        case 3:
            other, there = chance.choice(places)
            holder[key] = json.loads(json.dumps(other.get(there) if isinstance(other, dict) else 0))
        case _:
            strange.append(chance.choice(_STRANGE))
            holder[key] = f"{_MARK}{len(strange) - 1}"
    return document


def _places(value: object):
    if isinstance(value, dict):
        for key in value:
            yield value, key
            yield from _places(value[key])
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield value, index
            yield from _places(one)


def _other_type(value: object, chance: random.Random) -> object:
    others = (str(value), [value], {"value": value}, None, 0, 1, "x", "-1", True, 10**30)
    return chance.choice(others)


def _doubled(text: str, chance: random.Random) -> str:
    """Name a field twice, with another value."""
    starts = [at for at, letter in enumerate(text) if letter == "{" and text[at + 1] == '"']
    if not starts:
        return text
    at = chance.choice(starts) + 1
    name = text[at : text.index('"', at + 1) + 1]
    return f"{text[:at]}{name}: {chance.choice(_STRANGE)}, {text[at:]}"


def _broken(body: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(body))
    match chance.randrange(5):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]
        case 2:
            return body[:at] + b"\xff\xfe\x00" + body[at:]
        case 3:
            return body + body
        case _:
            return chance.choice((b"", b" ", b"<html>503</html>", b"null", b"[]", b"{}", b'"ok"'))
