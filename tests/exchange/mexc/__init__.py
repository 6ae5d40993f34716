"""Tests of the MEXC client, against servers on the loopback."""
