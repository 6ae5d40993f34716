"""A fleet over real processes and real servers."""
