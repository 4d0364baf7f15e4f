"""Reads and writes of risk; every function works inside its caller's transaction.

Locks are always taken in one order: the account's total counter, then `control`, then the audit.
"""
