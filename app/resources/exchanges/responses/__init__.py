"""Answers to exchange requests."""
