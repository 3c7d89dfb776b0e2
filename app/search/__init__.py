"""Full-text search: what a person typed, as the parts of one SQL statement.

Each record has a vector (see `app/tables/search.py`): its words without accents, the same words stemmed in the record's
language, and marks for its tags, cities and countries. A word that is asked for is found as it stands, stemmed as any
language would, by its beginning while it is being typed, by the known words that it may be a misspelling of, and by
the tags, cities and countries that it names in any language: these names are looked up when the question is asked, so
that a new synonym holds for all records at once.

What is found are the records that have all words. Where those are few, the nearest that have some are added: those
that have most, rare words counting more. A word that says nothing in one of our languages (`the`, `para`) is not
required. Phrases and exclusions always hold.
"""

from app.search.meaning import STEMMERS, understood
from app.search.names import named
from app.search.question import Question
from app.search.ranking import PRACTICES, RELEVANCE, REQUESTS, found_ids, found_page, is_found, marks, nearest

__all__ = [
    "PRACTICES",
    "RELEVANCE",
    "REQUESTS",
    "STEMMERS",
    "Question",
    "found_ids",
    "found_page",
    "is_found",
    "marks",
    "named",
    "nearest",
    "understood",
]
