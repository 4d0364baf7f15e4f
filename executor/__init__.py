"""Sends what was approved to one venue, once, and keeps books of what became of it.

Owns `orders`, `order_events` and `fills`; at venues behind a network also `lease`,
`external_orders`, `balance_baselines`, `frozen_symbols`, `due_marks` and `live_consents`.
Hears recommendation.approved, order.submitted (its own), candles.closed and trading_state.changed.
Says order.*, account.reconciled, recommendation.expired for approvals it may not act on,
venue.surprised and external_orders.seen.
"""
