"""The core: decisions, on values, with the time as an argument."""
