"""Whether a figure means anything: intervals, luck, calibration, drift and live evidence."""
