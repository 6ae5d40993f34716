"""The poller, with a bot that has rows of its own and may misbehave."""
