"""The service's installation, on file systems of its own; a real systemd takes it up in ``tests/slow/service``."""
