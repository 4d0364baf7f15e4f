"""Options that several commands share."""

import os
from pathlib import Path
from typing import Annotated

import typer

from shared.domain.errors import BadInput

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Symbols = Annotated[
    str, typer.Option("--symbols", help="Instruments, separated by commas; all when left out.")
]


def refuse_unwritable(option: str, file: Path | None) -> None:
    """Look before the work is done whether its result can be kept.

    Raises:
        BadInput: the folder does not exist, or nothing can be written there.
    """
    if file is None:
        return
    if not file.parent.is_dir():
        raise BadInput(option, f"the folder '{file.parent}' does not exist", "make it first")
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise BadInput(option, f"'{file}' cannot be written", "name another file")


def listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
