"""The verdict: a pure function of a recommendation, the book, the limits and the time."""
