"""Positions, cost, profit and loss, equity and drawdown, from fills alone.

I own portfolio_positions, balances, ledger_entries, equity_points, tax_lots, round_trips,
portfolio_marks and portfolio_progress. I hear candles.closed, order.filled and
account.reconciled; I say position.changed, round_trip.closed and equity.marked.
"""
