"""The command, against a running daemon."""
