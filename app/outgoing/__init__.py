"""Requests that we make ourselves, to addresses that others chose: checked, signed, bounded."""
