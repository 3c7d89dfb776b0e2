"""Adoptions: who adapted a practice, what was kept and changed, what came of it."""
