"""The executor's rows: what is working, what happened, and the lists people ask for."""
