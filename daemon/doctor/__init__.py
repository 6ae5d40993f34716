"""``sniperd doctor``: whether what the daemon needs is there, and what to do where it is not. Changes nothing."""
