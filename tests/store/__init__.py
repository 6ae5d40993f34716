"""The store: real SQLite files."""
