"""Tests of ``daemon/core/state``."""
