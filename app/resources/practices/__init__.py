"""Practices: what a city did, what came of it, what others can take from it."""
