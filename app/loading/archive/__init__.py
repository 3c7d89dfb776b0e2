"""Taking back what `export` gave: every record under its own id, whole."""

from app.loading.archive.loader import ArchiveLoader

__all__ = ["ArchiveLoader"]
