"""Unix time in seconds, milliseconds or microseconds, told apart by magnitude."""

from pathlib import Path

from shared.domain.errors import BadInput

UNITS = ((10**11, 1), (10**14, 1_000), (10**17, 1_000_000))  # below this value: units per second
_MOST_DIGITS = 17


def seconds_of(path: Path, row: int, text: str) -> tuple[int, int]:
    """Return Unix seconds and how many units a second has.

    Raises:
        BadInput: the text is no whole second of Unix time.
    """
    whole = text.removesuffix(".0")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= _MOST_DIGITS):
        why = "lost its digits, as spreadsheets do" if "E+" in text.upper() else "is no Unix time"
        raise unreadable(path, row, f"its time '{text[:40]}' {why}")
    value = int(whole)
    unit = next(unit for limit, unit in UNITS if value < limit)
    seconds, rest = divmod(value, unit)
    if rest:
        raise unreadable(path, row, f"its time '{text}' is not a whole second")
    return seconds, unit


def unreadable(path: Path, row: int, why: str) -> BadInput:
    """Return the refusal of a file for one of its rows, counted from 0."""
    return BadInput(
        "file", f"'{path.name}' row {row + 1}: {why}", "export it again from its source"
    )
