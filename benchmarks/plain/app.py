"""The routes."""

import base64
import json
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Header, HTTPException, Query, Response
from sqlalchemy import tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload
from sqlmodel import col, select

from app.resources.changes.schemas import ChangePage, ChangeQuery
from app.resources.practices.parameters import PracticeQuery
from app.resources.practices.schemas import PracticeCreate, PracticePage, PracticePublic
from benchmarks.plain.auth import ClientDep
from benchmarks.plain.filters import conditions, rank
from benchmarks.plain.session import SessionDep
from benchmarks.plain.tables import Audit, ExternalId, Feed, Practice, Transition

app = FastAPI(title="Plain")
ORDERS: dict[str, tuple[Any, type]] = {
    "newest": (col(Practice.listed_at), datetime),
    "updated": (col(Practice.updated_at), datetime),
    "title": (col(Practice.title), str),
}
RELATED: list[Any] = [
    selectinload(getattr(Practice, name))
    for name in ("city", "external_ids", "origins", "other_texts", "endorsements", "partners")
]


@app.get("/v1/practices", response_model=PracticePage)
async def list_practices(session: SessionDep, query: Annotated[PracticeQuery, Query()]) -> Any:
    """A page of practices."""
    statement = select(Practice).where(*conditions(query)).options(RELATED[0])
    if query.q:
        found = statement.order_by(rank(query.q).desc(), col(Practice.id).desc()).limit(query.limit)
        return {"items": (await session.exec(found)).all(), "next_cursor": None}
    key, kind = ORDERS[query.sort or "newest"]
    place = tuple_(key, col(Practice.id))
    if query.cursor:
        value, id_ = _decode(query.cursor)
        position = (datetime.fromisoformat(value) if kind is datetime else value, UUID(id_))
        statement = statement.where(place > position if query.sort == "title" else place < position)
    order = [key, col(Practice.id)] if query.sort == "title" else [key.desc(), col(Practice.id).desc()]
    rows = (await session.exec(statement.order_by(*order).limit(query.limit + 1))).all()
    items = rows[: query.limit]
    cursor = _encode([getattr(items[-1], key.key), items[-1].id]) if len(rows) > query.limit else None
    return {"items": items, "next_cursor": cursor}


@app.get("/v1/practices/{id}", response_model=PracticePublic)
async def get_practice(
    session: SessionDep, response: Response, id: UUID, if_none_match: Annotated[str | None, Header()] = None
) -> Any:
    """One practice."""
    practice = await _practice(session, id)
    if practice is None or (practice.status, practice.visibility) != ("published", "public"):
        raise HTTPException(404, "There is no such practice.")
    etag = f'"{practice.version}-{practice.city.version}"'
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    return practice


@app.post("/v1/practices", status_code=201, response_model=PracticePublic)
async def create_practice(session: SessionDep, response: Response, client: ClientDep, body: PracticeCreate) -> Any:
    """A new draft."""
    kind, _, own = client.organization.partition(":")
    city_id = body.city_id or own
    if client.organization != "operator" and (kind, own) != ("city", city_id):
        raise HTTPException(403, "A city writes its own practices only.")
    practice = Practice(
        **body.model_dump(exclude={"city_id", "contact", "external_ids", "partner_cities"}),
        city_id=city_id,
        partner_city_ids=body.partner_cities,
        contact_unit=body.contact.unit if body.contact else None,
        contact_email=body.contact.email if body.contact else None,
    )
    practice.external_ids = [ExternalId(**entry.model_dump()) for entry in body.external_ids]
    who: dict[str, Any] = {"organization": client.organization, "client_id": client.id}
    session.add(practice)
    session.add(Transition(record_type="practice", record_id=practice.id, to_status="draft", **who))
    session.add(Audit(action="created", record_type="practice", record_id=str(practice.id), version=1, **who))
    try:
        await session.commit()
    except IntegrityError as reason:
        raise HTTPException(422, "A reference leads nowhere.") from reason
    response.headers["Location"] = f"/v1/practices/{practice.id}"
    return await _practice(session, practice.id)


@app.get("/v1/changes", response_model=ChangePage)
async def list_changes(session: SessionDep, query: Annotated[ChangeQuery, Query()]) -> Any:
    """A page of the feed; of practices only."""
    after = _decode(query.cursor)[0] if query.cursor else 0
    statement = select(Feed).where(col(Feed.seq) > after, Feed.type == "practice").order_by(col(Feed.seq))
    rows = (await session.exec(statement.limit(query.limit + 1))).all()
    shown = rows[: query.limit]
    wanted = select(Practice).where(
        col(Practice.id).in_([UUID(row.id) for row in shown]),
        Practice.status == "published",
        Practice.visibility == "public",
    )
    found = {str(practice.id): practice for practice in await session.exec(wanted.options(*RELATED))}
    items = [_change(row, found.get(row.id)) for row in shown]
    cursor = _encode([shown[-1].seq if shown else after])
    return {"items": items, "next_cursor": cursor, "has_more": len(rows) > query.limit}


def _change(row: Feed, practice: Practice | None) -> dict[str, Any]:
    data = PracticePublic.model_validate(practice, from_attributes=True).model_dump(mode="json") if practice else None
    return {
        **row.model_dump(include={"type", "id", "version", "origin"}),
        "op": "upsert" if practice else "delete",
        "changed_at": row.stamped_at,
        "reason": None if practice else "deleted",
        "successor": None,
        "data": data,
    }


async def _practice(session: SessionDep, id_: UUID) -> Practice | None:
    statement = select(Practice).where(Practice.id == id_).options(*RELATED)
    return (await session.exec(statement.execution_options(populate_existing=True))).first()


def _encode(position: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position, default=str).encode()).decode()


def _decode(cursor: str) -> list[Any]:
    return list(json.loads(base64.urlsafe_b64decode(cursor)))
