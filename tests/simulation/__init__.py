"""The whole engine under virtual time, from one seed.

Real are: the core, the engine with all its tasks, the store with its SQLite file, the MEXC client with its signing,
pacing and reading of answers, and the simulated exchange with its matching and its book. Exchanged are only the seams:
the event loop's time, the clock, the dice, the hop to SQLite's thread, and the bytes' way over the network. What
these do instead, delays, losses, crashes, follows from the seed, so a seed that fails is its own reproduction::

    python -m tests.simulation --seeds 200
    python -m tests.simulation --first 17 --seeds 1 --trace
"""
