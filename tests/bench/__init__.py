"""Benchmarks: figures for people, never for a test's verdict.

Each stands beside its floor or a peer, in the same run::

    python -m tests.bench             # everything
    python -m tests.bench wire        # signal → wire, beside the physical floor and ccxt
    python -m tests.bench memory      # memory per queued order, recovery, flatness
    python -m tests.bench --quick     # shows that they run; the figures say little

Absolute figures belong to the machine; only ratios within one run travel.
"""
