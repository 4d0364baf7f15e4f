"""Where orders go: one port, one adapter for each kind of venue."""
