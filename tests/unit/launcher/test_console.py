"""Tables show every value whole, however narrow the terminal is."""

import pytest
from rich.console import Console

from launcher import console

ROWS = [{"order_id": "0" * 36, "detail": "w" * 50, "ratio": 0.5}, {"order_id": "1" * 36}]
COLUMNS = ("order_id", "detail", "ratio")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_value_is_cut_off(monkeypatch, width):
    narrow = Console(width=width, record=True)
    monkeypatch.setattr(console, "out", narrow)
    console.print_table("Orders", ROWS, COLUMNS, empty="none")
    said = narrow.export_text()
    letters = "".join(character for character in said if character in "01w")
    for value in ("0" * 36, "1" * 36, "w" * 50):
        assert value in letters
    assert "…" not in said
    assert "0.5000" in said
    assert "-" in said


def test_nothing_to_show_is_said(monkeypatch):
    narrow = Console(width=80, record=True)
    monkeypatch.setattr(console, "out", narrow)
    console.print_table("Orders", [], COLUMNS, empty="No orders yet.")
    assert narrow.export_text() == "No orders yet.\n"
