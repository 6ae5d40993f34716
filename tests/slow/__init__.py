"""Tests that take their time: run by name, `pytest tests/slow`."""
