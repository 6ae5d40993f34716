"""Views: the trading state as people see it."""
