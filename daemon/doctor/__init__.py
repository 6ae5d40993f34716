"""The checks of ``sniperd doctor``: what the daemon needs, and what to do if it is missing. They change nothing."""
