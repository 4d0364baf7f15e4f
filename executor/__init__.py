"""Owns orders, their events and fills.

Hears recommendation.approved, order.submitted (its own), candles.closed and trading_state.changed.
Says order.*, account.reconciled, and recommendation.expired for approvals it may not act on.
"""
