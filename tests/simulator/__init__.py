"""The simulated MEXC, as its own server."""
