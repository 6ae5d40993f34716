"""Tests of ``daemon/app``."""
