"""The sniperd command."""
