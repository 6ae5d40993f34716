"""The page in a real browser, over a real daemon: run by name, because each takes a second or more."""
