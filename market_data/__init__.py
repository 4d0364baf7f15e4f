"""Candles: where they come from, whether they can be believed, and when they closed.

I own crypto_prices, instruments and feed_progress. I hear nothing.
I say candles.closed.
"""
