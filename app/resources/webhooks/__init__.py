"""Webhooks: where an organization wants to be told of what happens, and what was delivered there."""
