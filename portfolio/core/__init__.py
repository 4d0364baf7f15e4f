"""Bookkeeping as pure functions: what a fill does to the books, and what the books are worth."""
