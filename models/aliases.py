"""Which release has which role in a scope: one small file, replaced at once."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from models.artifact import as_json
from models.disk import read_limited, replace_durably
from models.manifest import RELEASE_ID
from models.refusals import ArtifactRefused
from shared.domain.errors import BadInput, NotFound

ALIASES = "aliases.json"

SCOPE = re.compile(r"[A-Z0-9]{2,20}")
_MAX_BYTES = 10_000


class Role(StrEnum):
    """`retired` is who was champion last and was taken back: it does not return by itself."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    PREVIOUS = "previous"
    SHADOW = "shadow"
    RETIRED = "retired"


def read_aliases(root: Path, scope: str) -> Mapping[Role, str] | None:
    """Return the release ids by role; None where the scope has no file.

    Raises:
        ArtifactRefused: the file makes no sense.
        OSError: it cannot be read.
    """
    try:
        raw = read_limited(root / scope / ALIASES, _MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _decoded(raw)


def write_aliases(root: Path, scope: str, changes: Mapping[Role, str | None]) -> None:
    """Change some roles of a scope, None takes one away; only for the one writer.

    Raises:
        BadInput: the scope or an id is not of this form, or an id is of another scope.
        NotFound: there is no such release.
        ArtifactRefused: the file that is there makes no sense.
    """
    for release_id in changes.values():
        if release_id is not None:
            check_id(scope, release_id)
            if not (root / scope / release_id).is_dir():
                raise NotFound(f"no release has the id {release_id}; see 'trading models list'")
    merged: dict[Role, str | None] = {**(read_aliases(root, scope) or {}), **changes}
    kept = {role.value: merged[role] for role in Role if merged.get(role) is not None}
    replace_durably(root / scope / ALIASES, as_json(kept))


def check_id(scope: str, release_id: str) -> None:
    """Refuse what is no id of a release of the scope: it becomes part of a path.

    Raises:
        BadInput: it is none.
    """
    if not SCOPE.fullmatch(scope):
        raise BadInput("scope", f"'{scope}' is none", "say GLOBAL or for example BTCUSDT")
    found = RELEASE_ID.fullmatch(release_id)
    if found is None or found["scope"] != scope:
        raise BadInput("release_id", f"'{release_id}' is not of {scope}", "see the list of models")


def _decoded(raw: bytes) -> Mapping[Role, str]:
    try:
        document: Any = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ArtifactRefused("unreadable_manifest", f"{ALIASES} is not JSON") from error
    if not isinstance(document, dict):
        raise ArtifactRefused("unreadable_manifest", f"{ALIASES} is not an object")
    aliases: dict[Role, str] = {}
    for role in Role:
        value = document.get(role.value)
        if value is None:
            continue
        if not isinstance(value, str) or not RELEASE_ID.fullmatch(value):
            raise ArtifactRefused("unreadable_manifest", f"{ALIASES} names {value!r}")
        aliases[role] = value
    return aliases
