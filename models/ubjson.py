"""Universal Binary JSON, as far as XGBoost writes it: read here, so that no service loads xgboost.

A native loader crashes on a damaged file; this one raises `ValueError`.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

_MAX_DEPTH = 32

_NUMBERS = {
    b"i": struct.Struct(">b"),
    b"U": struct.Struct(">B"),
    b"I": struct.Struct(">h"),
    b"l": struct.Struct(">i"),
    b"L": struct.Struct(">q"),
    b"d": struct.Struct(">f"),
    b"D": struct.Struct(">d"),
}
_ARRAYS = {
    b"i": np.dtype(">i1"),
    b"U": np.dtype(">u1"),
    b"I": np.dtype(">i2"),
    b"l": np.dtype(">i4"),
    b"L": np.dtype(">i8"),
    b"d": np.dtype(">f4"),
    b"D": np.dtype(">f8"),
}
_WORDS = {b"T": True, b"F": False, b"Z": None}


def decode(document: bytes) -> Any:
    """Return the document as dicts, lists, strings and numbers; typed arrays as numpy arrays.

    Raises:
        ValueError: the bytes are not such a document.
    """
    reader = _Reader(document=document)
    try:
        value = reader.value(reader.take(1), 0)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError("not a UBJSON document") from error
    if reader.position != len(document):
        raise ValueError("bytes follow the document")
    return value


@dataclass(slots=True, kw_only=True)
class _Reader:
    document: bytes
    position: int = 0

    def take(self, count: int) -> bytes:
        end = self.position + count
        if count < 0 or end > len(self.document):
            raise ValueError("the document ends early")
        piece = self.document[self.position : end]
        self.position = end
        return piece

    def value(self, marker: bytes, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        if marker in _NUMBERS:
            packed = _NUMBERS[marker]
            return packed.unpack(self.take(packed.size))[0]
        if marker == b"S":
            return self._text()
        if marker == b"[":
            return self._array(depth)
        if marker == b"{":
            return self._object(depth)
        if marker in _WORDS:
            return _WORDS[marker]
        raise ValueError(f"unknown marker {marker!r}")

    def _count(self) -> int:
        marker = self.take(1)
        if marker not in (b"i", b"U", b"I", b"l", b"L"):
            raise ValueError("a length is missing")
        return int(self.value(marker, 0))

    def _text(self) -> str:
        return self.take(self._count()).decode()

    def _array(self, depth: int) -> Any:
        marker = self.take(1)
        if marker == b"$":
            return self._typed_array()
        if marker == b"#":
            count = self._count()
            if count > len(self.document):
                raise ValueError("the document ends early")
            return [self.value(self.take(1), depth + 1) for _ in range(count)]
        items: list[Any] = []
        while marker != b"]":
            items.append(self.value(marker, depth + 1))
            marker = self.take(1)
        return items

    def _typed_array(self) -> Any:
        kind = _ARRAYS.get(self.take(1))
        if kind is None or self.take(1) != b"#":
            raise ValueError("an array of an unknown type")
        raw = self.take(self._count() * kind.itemsize)
        return np.frombuffer(raw, dtype=kind).astype(kind.newbyteorder("="))

    def _object(self, depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        while True:
            marker = self.take(1)
            if marker == b"}":
                return members
            self.position -= 1
            key = self._text()
            members[key] = self.value(self.take(1), depth + 1)
