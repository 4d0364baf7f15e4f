"""Reads and writes the books; every function works inside its caller's transaction."""
