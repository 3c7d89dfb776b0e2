"""The front page: what this is, for a person."""
