"""Tests of processes that are started and killed: minutes, together."""
