"""Tests of ``daemon/core/verbs``."""
