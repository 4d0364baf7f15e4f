"""Binance.US: spot, REST for everything that counts, and a private stream of hints."""
