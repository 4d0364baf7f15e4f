"""Whoever sits at the command line has a name in the audit, whatever the machine knows of them."""

import os

from launcher import person as module


def test_a_user_without_an_entry_is_called_by_number(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(module, "getuser", nobody)
    assert module.person() == f"command-line:{os.getuid()}"
