"""How every service speaks HTTP: probes, keys, limits, errors with a remedy, pages."""
