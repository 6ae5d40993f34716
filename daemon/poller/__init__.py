"""The poller: reads the bot's targets, submits them as signals, and reports to the bot what became of them."""
