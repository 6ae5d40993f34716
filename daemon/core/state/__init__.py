"""The trading state in memory, and the decision that changes it."""
