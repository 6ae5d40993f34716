"""Tests of ``daemon/config``."""
