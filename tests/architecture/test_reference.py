"""The generated pages of docs/ are those of this code: `python -m launcher.reference` writes them."""

from pathlib import Path

from launcher.reference import pages

DOCS = Path(__file__).parents[2] / "docs"


def test_the_generated_pages_are_up_to_date():
    for name, text in pages().items():
        assert (DOCS / name).read_text() == text, f"{name}: run python -m launcher.reference"
