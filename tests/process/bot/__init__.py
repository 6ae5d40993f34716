"""Tests of the bot's API, with real processes."""
