"""The process: how it starts, ends, is killed, and recovers."""
