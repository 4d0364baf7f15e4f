"""Says yes with a size, or no with every reason; keeps the limits and the halt.

Owns `risk_decisions`, `exposure_counters`, `reservations`, `risk_limits`, `control`, `symbol_locks`
and its own view of the account: `risk_book`, `risk_positions`, `risk_spending`,
`external_exposure`.
Hears `recommendation.issued` and `.expired`, `order.*`, `position.changed`, `equity.marked`,
`external_orders.seen`, `venue.surprised`; says `recommendation.approved`,
`recommendation.denied` and `trading_state.changed`.
"""
