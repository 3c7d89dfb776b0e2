"""The exchange by which cities share what works for migrants and refugees."""
