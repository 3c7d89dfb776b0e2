"""Words of a question that say nothing about what is looked for, beside those that PostgreSQL's dictionaries know.

Offices ask in sentences: how to help, what works, where to find. Here every record is about what a city does, so
that `city` tells none from another.
"""

import json
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "idle_words.json"
# Without accents, as texts are compared.
IDLE_WORDS = frozenset(word for words in json.loads(DATA.read_text(encoding="utf-8")).values() for word in words)
