"""The feed of changes: a copy that stays right."""
