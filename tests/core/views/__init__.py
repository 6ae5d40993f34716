"""Tests of ``daemon/core/views``."""
