"""Lock service tests over real processes."""
