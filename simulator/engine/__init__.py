"""The market and the accounts: pure Python, one lock, no HTTP."""
