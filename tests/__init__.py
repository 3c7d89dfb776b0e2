"""Behaviour through HTTP, on a real PostgreSQL."""
