"""Verbs: what can happen to the trading state, one function each."""
