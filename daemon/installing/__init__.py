"""The installation of the service: its steps, and running them.

``files`` holds links to the repository's ``systemd/``, so that the package contains them.
"""
