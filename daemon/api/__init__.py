"""The sockets: signals, orders, administration, status."""
