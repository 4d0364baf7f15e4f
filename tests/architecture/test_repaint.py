"""Signals are written once: no code path changes or deletes one."""

import ast
import re

import pytest

from tests.architecture.test_contracts import sources

FOR_EVER = ("ml_signals", "ml_shadow_signals")
CHANGING = {"update", "delete", "insert_missing", "upsert", "insert_or_update"}
SPOKEN = re.compile(
    r"\b(update|delete\s+from|replace\s+into|truncate)\b[^;]*\bml_\w*signals\b", re.IGNORECASE
)


def changes(tree):
    """Yield the calls by which a statement could change one of the tables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            named = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            if name in CHANGING and named & set(FOR_EVER):
                yield name
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from SPOKEN.findall(node.value)


def test_no_code_changes_or_deletes_a_signal():
    assert [path for path in sources() if list(changes(ast.parse(path.read_text())))] == []


@pytest.mark.parametrize(
    "line",
    [
        "connection.execute(update(ml_signals).values(action='buy'))",
        "ml_signals.update().where(ml_signals.c.symbol == symbol)",
        "Prepared(delete(ml_shadow_signals))",
        "insert_missing(connection, ml_signals, rows)",
        "connection.execute(text('UPDATE crypto_prices.ml_signals SET action = 1'))",
        "text('delete from ml_shadow_signals')",
    ],
)
def test_a_planted_change_is_caught(line):
    assert list(changes(ast.parse(line)))
