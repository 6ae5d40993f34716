"""Tests of the fleet: its log, its lease, its members."""
