"""Trees out of a pickle, through a process that may do harm to nothing but itself."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.disk import read_limited
from models.features import FEATURE_NAMES
from models.forest import read_forest
from shared.domain.errors import BadInput, Refused

MAX_PICKLE_BYTES = 500_000_000
_MAX_BOOSTER_BYTES = 20_000_000
_MAX_SAID_BYTES = 1_000_000
_SECONDS = 120
_CHILD = Path(__file__).with_name("model_unpickling.py")


class LegacyRefused(Refused):
    """A file that does not become a release; `reason` says why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """`ubj` has been read by our own reader: trees on the features of this engine."""

    ubj: bytes
    trees: int
    is_offline: bool


class _Said(msgspec.Struct):
    is_offline: bool
    problem: str | None = None
    features: list[str] | None = None


def extract(pickle: bytes) -> Extracted:
    """Return the trees of a pickled XGBClassifier or Booster; its code runs in a child process.

    Raises:
        LegacyRefused: it ends badly, holds something else, or knows other features.
    """
    with tempfile.TemporaryDirectory(prefix="legacy-") as name:
        folder = Path(name)
        (folder / "given").write_bytes(pickle)
        _run(folder)
        said = _said(folder)
        if said.problem is not None:
            raise LegacyRefused("unreadable_file", said.problem)
        check_features(said.features)
        ubj = _left(folder, "booster.ubj", _MAX_BOOSTER_BYTES)
    try:
        forest = read_forest(ubj)
    except ValueError as error:
        raise LegacyRefused("unreadable_file", str(error)) from error
    check_features(list(forest.feature_names))
    return Extracted(ubj=ubj, trees=len(forest.roots), is_offline=said.is_offline)


def check_features(names: list[str] | None) -> None:
    """Refuse trees that know other features than the catalogue, or these in another order.

    Raises:
        LegacyRefused: they do, or nobody can tell.
    """
    if not names:
        raise LegacyRefused(
            "schema_mismatch", "it was trained without feature names: nobody can tell what is what"
        )
    if tuple(names) == FEATURE_NAMES:
        return
    if sorted(map(str, names)) == sorted(FEATURE_NAMES):
        raise LegacyRefused("reordered", "it has the engine's features in another order")
    odd, lacking = set(names) - set(FEATURE_NAMES), set(FEATURE_NAMES) - set(names)
    if odd:
        why = f"{min(odd)!r} is none of the engine's"
    else:
        why = f"{min(lacking)!r} is not among them" if lacking else "one stands twice"
    raise LegacyRefused(
        "schema_mismatch",
        f"it knows {len(names)} features, the engine {len(FEATURE_NAMES)}; {why}",
    )


def _run(folder: Path) -> None:
    command = [sys.executable, "-I", str(_CHILD), str(folder)]
    environment = {"OMP_NUM_THREADS": "1", "HOME": str(folder), "TMPDIR": str(folder)}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and script, no shell
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise LegacyRefused("unreadable_file", f"it ran for {_SECONDS} s and was ended") from None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        why = last[0][:300] if last else f"it ended with {done.returncode}"
        raise LegacyRefused("unreadable_file", f"it cannot be opened: {why}")


def _said(folder: Path) -> _Said:
    try:
        return msgspec.json.decode(_left(folder, "said.json", _MAX_SAID_BYTES), type=_Said)
    except msgspec.MsgspecError as error:
        raise LegacyRefused("unreadable_file", f"it says nothing sensible: {error}") from error


def _left(folder: Path, name: str, limit: int) -> bytes:
    try:
        content = read_limited(folder / name, limit)
    except OSError as error:
        raise LegacyRefused("unreadable_file", f"it left no {name}") from error
    if len(content) > limit:
        raise LegacyRefused("unreadable_file", f"{name} is larger than {limit} bytes")
    return content


def read_pickle(file: Path) -> bytes:
    """Return the bytes of the file, all at once: what is hashed is what is opened.

    Raises:
        BadInput: it is too large.
        OSError: it cannot be read.
    """
    with file.open("rb") as opened:
        content = opened.read(MAX_PICKLE_BYTES + 1)
    if len(content) > MAX_PICKLE_BYTES:
        raise BadInput(str(file), f"is larger than {MAX_PICKLE_BYTES} bytes", "name another file")
    return content
