"""Clients: the programs that act for an organization, and who am I."""
