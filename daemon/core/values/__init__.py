"""Values: orders, attempts, signals, locks, events. They import nothing of the levels above."""
