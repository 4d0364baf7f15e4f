"""Writes the golden files of the wire format."""

from pathlib import Path

import msgspec

from shared.bus.codec import encode
from shared.domain.events import Event
from tests.builders import FACTS

FOLDER = Path(__file__).parent / "facts"


def golden_text(fact: Event) -> str:
    return msgspec.json.format(encode(fact), indent=2) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for fact in FACTS:
        (FOLDER / f"{fact.topic}.json").write_text(golden_text(fact))


if __name__ == "__main__":
    main()
