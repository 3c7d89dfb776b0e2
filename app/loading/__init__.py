"""Loading of files: cities, networks, vocabularies, practices and exchange requests, in large numbers."""

from app.loading.loader import load_file, load_samples, load_vocabularies
from app.loading.report import Fault, Report
from app.loading.sources import KINDS, Kind, UnreadableFileError, kind_of

__all__ = [
    "KINDS",
    "Fault",
    "Kind",
    "Report",
    "UnreadableFileError",
    "kind_of",
    "load_file",
    "load_samples",
    "load_vocabularies",
]
