"""The API of daemons that are started, killed and ended."""
