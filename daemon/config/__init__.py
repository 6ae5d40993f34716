"""Configuration: tables and their checks, credentials, addresses and paths."""
