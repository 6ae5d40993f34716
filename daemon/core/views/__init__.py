"""Views: the trading state as callers and the operator see it."""
