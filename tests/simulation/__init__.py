"""The whole engine under virtual time, from one seed.

The core, the engine with all its tasks, the store with its SQLite file, the MEXC client with its signing, pacing and
parsing, and the simulated exchange with its matching and its book are the real ones. Only what is outside is replaced:
the event loop's time, the clock, entropy, the hop to SQLite's thread, and the network. Delays, losses and crashes
follow from the seed, so a seed that fails reproduces its failure::

    python -m tests.simulation --seeds 200
    python -m tests.simulation --first 17 --seeds 1 --trace
"""
