"""The vocabularies: tags, and the crosswalk between them."""

import json
from collections.abc import Sequence
from typing import ClassVar

from app.database import Connection
from app.loading.bulk import Child, Loader, Prepared, RefusedError
from app.loading.records import TagRecord
from app.loading.sources import Entry


class TagLoader(Loader):
    """Tags, all in one chunk: they refer to each other."""

    table = "tag"
    content = ("scheme", "code", "label", "labels", "synonyms", "broader", "position")
    children: ClassVar[tuple[Child, ...]] = (Child("tag_relation", "tag_id", ("tag_id", "related_id")),)
    beside = ("search_term",)
    chunk = 100_000

    def prepare(self, entry: Entry) -> Prepared:
        """Check one tag."""
        tag = TagRecord.model_validate(entry.record)
        if tag.id != f"{tag.scheme}:{tag.code}":
            raise RefusedError(("id", "The id is the scheme, a colon and the code."))
        values = tag.model_dump(exclude={"related"})
        values["labels"] = json.dumps(tag.labels, ensure_ascii=False)
        values["synonyms"] = json.dumps(tag.synonyms, ensure_ascii=False)
        return Prepared(entry, tag.id, values, {"tag_relation": [(related,) for related in tag.related]})

    async def write(self, connection: Connection, chunk: Sequence[Prepared]) -> tuple[int, int]:
        """Write the wider tags first, and only relations to tags that are known."""
        known = {row["id"] for row in await connection.fetch("SELECT id FROM tag")} | {tag.key for tag in chunk}
        for tag in chunk:
            related = tag.children["tag_relation"]
            tag.children["tag_relation"] = [row for row in related if row[0] in known]
            if len(tag.children["tag_relation"]) < len(related):
                self.warnings["relations to tags that are not known were left out"] += 1
        return await super().write(connection, sorted(chunk, key=lambda tag: tag.values["broader"] is not None))
