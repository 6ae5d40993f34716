"""Thousands of launches under virtual time, each from a seed.

The engine, the MEXC client and the simulated exchange are the real ones, as in :mod:`tests.simulation`. A launch is a
pair that opens, and 1 to 20 signals that want to buy it at its open. The signals are early, exact or late; the open is
announced or not, postponed, or shown late; the pair's decimals change; replies are lost. The exchange's own book says
what was bought, and when::

    python -m tests.launches --seeds 1000
    python -m tests.launches --seed 17 --trace

A naive bot that repeats a request until one is answered as placed goes through the same launches, each on an exchange
of its own from the same seed. It is the negative control: the verdict must find what it buys twice.
"""
