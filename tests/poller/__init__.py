"""Tests of ``daemon/poller``."""
