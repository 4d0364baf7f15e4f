"""Pure decisions: what an order is, how it is planned, matched and compared."""
