"""Does what the core decides: locks, dispatcher, executor, reconciler."""
