"""How each venue is spoken to: one module a venue, all over the same engine."""
