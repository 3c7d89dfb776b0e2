"""What the first and the last line of an export say; the lines between are `parts.py`."""

FORMAT = "practice-exchange"
FORMAT_VERSION = 1
HEADER, TRAILER = "header", "trailer"
