"""Exchanges that invent their prices and nothing else: each venue's wire protocol, spoken truly.

`engine` is the market and the accounts behind all three, `wire` how each venue is spoken to (and
what it refuses, in its own words), `faults` what goes wrong by plan, `oracle` what really happened.
"""
