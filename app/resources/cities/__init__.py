"""Cities: local and regional governments."""
