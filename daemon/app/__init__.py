"""The process: it reads its environment, wires the parts together, runs, reloads and ends."""
