"""The poller: reads the bot's targets, submits them at the front desk, and tells the bot what became of them."""
