"""Tests of ``daemon/core/rules``."""
