"""Several members of one fleet under virtual time, from one seed.

Engine, store, MEXC client, the fleet's member with its log and lease, doors, and the simulated exchange are the real
ones. The database that the members share is the one in memory. Members are killed and stopped between any two steps of
their tasks, and cut off from the database, from the exchange or from both; their clocks differ by seconds; answers are
lost; signals go to several members at once. Some members begin as an older release, which cannot read what a newer
owner writes, and are upgraded at some moment. The exchange's book and the log judge::

    python -m tests.simulation --fleet 3 --seeds 200
    python -m tests.simulation --fleet 3 --first 17 --seeds 1 --trace

One seed is one *schedule*: some signals, some faults and take-overs within a few seconds, then a quiet time in which
everything must come right.
"""
