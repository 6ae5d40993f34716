"""Decisions: synchronous functions over values. No clock, no socket, no SQL, no await; the time is an argument."""
