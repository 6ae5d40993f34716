"""The service's installation: what is to be done, and doing it.

``files`` holds links to the repository's ``systemd/`` and ``config.toml``, so that the package carries what they say.
"""
