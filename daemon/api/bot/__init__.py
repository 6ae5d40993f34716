"""The bot's API: the routes, JSON shapes and error strings that existing bots call and match on."""
