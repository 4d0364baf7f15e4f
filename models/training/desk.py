"""The rows and candles of one training on disk: workers map them, nobody copies them."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from models.dataset import CandleArrays, TrainingSet
from models.disk import one_writer, write_durably
from shared.domain.ids import Symbol

_HEAD = "rows.json"
_CANDLES = "candles-{number}.npz"
_TEXTS = ("symbols", "fingerprint")


class _Head(msgspec.Struct):
    symbols: tuple[Symbol, ...]
    fingerprint: str
    candles: tuple[Symbol, ...]


def lay_out(folder: Path, rows: TrainingSet, data: dict[Symbol, CandleArrays]) -> None:
    """Write everything that workers need; the head comes last and says that it is complete.

    One process does it while the others wait: nobody maps a file that is still being written.
    """
    with one_writer(folder):
        if not (folder / _HEAD).exists():
            _write(folder, rows, data)


def _write(folder: Path, rows: TrainingSet, data: dict[Symbol, CandleArrays]) -> None:
    for name in _columns():
        with _durable(folder / f"{name}.npy") as file:
            np.save(file, getattr(rows, name), allow_pickle=False)
    for number, symbol in enumerate(sorted(data)):
        one = data[symbol]
        with _durable(folder / _CANDLES.format(number=number)) as file:
            np.savez(file, closed_at=one.closed_at, ohlcv=one.ohlcv, is_filled=one.is_filled)
    head = _Head(symbols=rows.symbols, fingerprint=rows.fingerprint, candles=tuple(sorted(data)))
    write_durably(folder / _HEAD, msgspec.json.encode(head))


@lru_cache(maxsize=1)
def rows_on(folder: Path) -> TrainingSet:
    head = _head(folder)
    columns = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        for name in _columns()
    }
    return TrainingSet(symbols=head.symbols, fingerprint=head.fingerprint, **columns)


def candles_on(folder: Path) -> dict[Symbol, CandleArrays]:
    found: dict[Symbol, CandleArrays] = {}
    for number, symbol in enumerate(_head(folder).candles):
        with np.load(folder / _CANDLES.format(number=number), allow_pickle=False) as kept:
            found[symbol] = CandleArrays(
                symbol=symbol,
                closed_at=kept["closed_at"],
                ohlcv=kept["ohlcv"],
                is_filled=kept["is_filled"],
            )
    return found


@contextmanager
def _durable(path: Path) -> Generator[IO[bytes]]:
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _head(folder: Path) -> _Head:
    return msgspec.json.decode((folder / _HEAD).read_bytes(), type=_Head)


def _columns() -> tuple[str, ...]:
    return tuple(one.name for one in fields(TrainingSet) if one.name not in _TEXTS)
