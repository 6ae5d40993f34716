"""Tests of the client for bots: real daemons, a simulated exchange, and lost connections."""
