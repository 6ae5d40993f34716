"""The HTTP API: signals, orders, locks, administration, status, events."""
