"""Reads and writes of the signals service: one statement per table and batch."""
