"""The installation of the service: its steps, and running them.

``files`` holds links to the repository's ``systemd/`` and ``config.toml``, so that the package contains them.
"""
