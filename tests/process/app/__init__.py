"""The process: how it starts, ends, is killed, and what it finds again."""
