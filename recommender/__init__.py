"""Proposals to enter and to leave positions, for risk to judge.

Owns `trade_recommendations` and its own view of the account: `held_positions`, `known_orders`,
`recommender_books`, `pending_signals`, `rebalance_steps`.
Hears `signal.aggregated`, `equity.marked`, `position.changed`, `rebalance.wanted`, `order.*`,
risk's verdicts and `trading_state.changed`; says `recommendation.issued`.
"""
