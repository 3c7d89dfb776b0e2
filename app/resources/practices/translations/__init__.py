"""The texts of a practice in other languages."""
