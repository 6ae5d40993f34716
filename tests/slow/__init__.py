"""Tests that take minutes: a crash at every system call, disks that fail, power that fails, many orders at a start.

They are not part of ``pytest``; ``pytest tests/slow`` runs them.
"""
