"""The rehearsal of a fleet: ``sniperd fleet rehearse``. It starts everything itself, and leaves nothing behind."""
