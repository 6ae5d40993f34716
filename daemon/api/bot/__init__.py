"""The bot's own door: the routes, shapes and error strings that existing bots call and match on."""
