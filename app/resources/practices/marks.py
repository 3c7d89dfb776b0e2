"""A practice in the answer to a search, with the marks of what was searched."""

import json

from app.database import Row
from app.highlights import highlight


def found(row: Row) -> str:
    """The document of a row of `practice_page` with its highlight."""
    texts = [("title", row["title"]), ("summary", row["summary"])]
    if row["texts"]:
        texts += json.loads(row["texts"]).items()
    named = {"tags": row["tags"], "city": [row["city"]] if row["is_place"] else []}
    marks = json.dumps(highlight(texts, named, row["words"] or []), ensure_ascii=False)
    return f'{row["body"][:-1]},"highlight":{marks}}}'
