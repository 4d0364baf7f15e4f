"""Questions that only a venue itself can answer, asked once with tiny orders."""
