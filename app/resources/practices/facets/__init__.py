"""Facets of a search: how many records each further choice would give."""
