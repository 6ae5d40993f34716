"""Benchmarks: figures to read; no test depends on them.

Each figure is measured beside its floor or a peer, in the same run::

    python -m tests.bench             # everything
    python -m tests.bench wire        # signal to order, beside the physical floor and ccxt
    python -m tests.bench memory      # memory per queued order, recovery, flatness
    python -m tests.bench --quick     # shows that they run; the figures say little

Absolute figures depend on the machine; compare only the ratios within one run.
"""
