"""Tests of the bot's own door, over real processes."""
