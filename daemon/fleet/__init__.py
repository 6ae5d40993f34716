"""A fleet: several daemons for one account. One member owns it at a time, the others stand by with a complete copy."""
