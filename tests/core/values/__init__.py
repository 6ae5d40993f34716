"""Tests of ``daemon/core/values``."""
