"""A daemon between a MEXC sniper bot and the exchange: one signal becomes at most one order, ever."""

__version__ = "0.1.0"

DISTRIBUTION = "sniperd"
"""Whose package this is: others install one of the same name (:mod:`daemon.__main__`)."""
