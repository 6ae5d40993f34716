"""The poller: reads the bot's targets, submits them as signals, and reports the results to the bot."""
