"""Tests of the client for bots: real daemons, real exchange, and connections that are cut."""
