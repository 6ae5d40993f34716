"""The handbook: what of it is generated equals what the code generates."""
