"""Fits in parallel, kept as they finish: the folds of every scope, and the count of all tries."""
