"""Settings, logging, metrics, and how one service or all of them are served."""
