"""Rules: pure functions and small values that decide one question each."""
