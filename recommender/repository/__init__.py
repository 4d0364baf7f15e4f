"""Reads and writes of the recommender: one statement per table and batch, whatever its size."""
