"""Benchmarks: figures to read; no test depends on them.

Each figure is measured beside its floor or a peer, in the same rounds::

    python -m tests.bench                  # everything
    python -m tests.bench wire             # signal to order, beside the physical floor and ccxt
    python -m tests.bench wire --against ../other   # and beside the daemon of another checkout
    python -m tests.bench instant          # orders armed for one instant, beside C, aiohttp and ccxt
    python -m tests.bench far              # the same over TLS, 50 ms away, where idle connections are closed
    python -m tests.bench locks            # leases, beside redis-py on Valkey, and Valkey under the same client
    python -m tests.bench appends          # a fleet's commit in each shared database, beside SQLite's
    python -m tests.bench events           # signal to order while a hundred follow the events
    python -m tests.bench readers          # signal to order while eight read boards, lists and histories
    python -m tests.bench memory           # memory per order, and a start beside a million finished orders
    python -m tests.bench fleet            # what a fleet costs its owner, beside a daemon alone
    python -m tests.bench takeover         # loss and change of an owner, a standby's lag, a member that joins
    python -m tests.bench --quick          # shows that they run; the figures say little

Absolute figures depend on the machine and on the minute; compare only the ratios within the same rounds, by their
medians and quartiles. A round during which other processes used the cores is measured again.
"""
