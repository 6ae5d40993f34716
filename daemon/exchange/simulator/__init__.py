"""The simulated MEXC: a separate HTTP server that keeps its own book on its own disk."""
