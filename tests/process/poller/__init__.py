"""The poller with a simulated bot that may misbehave."""
