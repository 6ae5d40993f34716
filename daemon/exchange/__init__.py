"""Exchanges: the port, the MEXC client behind it, and the simulated MEXC, a separate server."""
