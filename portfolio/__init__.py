"""Positions, cost, profit and loss, equity and drawdown, from fills and declared movements.

I own portfolio_bookings and what follows from them (ledger_entries, portfolio_accounts,
portfolio_positions, balances, tax_lots, round_trips), portfolio_movements, equity_points,
portfolio_marks and portfolio_progress. I hear candles.closed, order.filled, balance.found and
account.reconciled; I say position.changed, round_trip.closed, balance.moved, venue.surprised,
rebalance.wanted and equity.marked.
"""
