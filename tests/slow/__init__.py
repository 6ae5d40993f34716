"""What takes minutes: a crash at every system call, disks that fail, power that fails, many orders at a start.

Not part of ``pytest``; ``pytest tests/slow`` runs it.
"""
