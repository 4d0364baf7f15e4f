"""The baseline rules and the weighing of sources, as pure functions."""
