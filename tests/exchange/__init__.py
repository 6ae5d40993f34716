"""Tests of ``daemon/exchange``."""
