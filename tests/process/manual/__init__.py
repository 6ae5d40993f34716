"""Every block of README and handbook, executed."""
