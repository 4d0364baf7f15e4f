"""Reads and writes of the signal generator: one statement per table and batch."""
