"""The simulated exchange as a process of its own."""
