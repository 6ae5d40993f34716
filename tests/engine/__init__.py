"""Tests of ``daemon/engine``."""
