"""Files into the database: what is stored, what is refused, and that a second time changes nothing."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.loading import Report, UnreadableFileError, load_file, load_samples, load_vocabularies
from app.loading.loader import DATA
from app.resources.exchanges.examples import SAMPLE_ID

STATE = """
SELECT (SELECT json_agg(to_json(p) ORDER BY p.id) FROM practice p)::text,
       (SELECT json_agg(to_json(c) ORDER BY c.id) FROM city c)::text,
       (SELECT json_agg(to_json(t) ORDER BY t.id) FROM tag t)::text,
       (SELECT json_agg(to_json(r) ORDER BY r.id) FROM exchange_request r)::text,
       (SELECT json_agg(to_json(x) ORDER BY x.id) FROM practice_external_id x)::text,
       (SELECT json_agg(to_json(m) ORDER BY m.network_id, m.city_id) FROM membership m)::text,
       (SELECT json_agg(to_json(f) ORDER BY f.type, f.id) FROM feed f)::text,
       (SELECT count(*) FROM audit)::text"""
PRACTICE: dict[str, Any] = {
    "external_id": "p-1",
    "title": "Welcome desk",
    "language": "en",
    "city": {"name": "Montréal", "country": "CA"},
    "city_id": "ca-montreal",
    "partner_cities": [{"name": "Zürich", "country": "CH", "id": "ch-zurich"}, {"name": "Nowhere", "country": "CH"}],
    "year_start": 2019,
    "year_end": None,
    "summary": "A desk.",
    "themes": ["housing"],
    "gcm_objectives": [15],
    "gcm_source_listed": True,
    "target_groups": ["refugees"],
    "implementers": ["City of Montréal"],
    "outcomes": [{"indicator": "visits", "value": 40, "unit": "people", "year": 2022, "source_url": None}],
    "source_name": "The city",
    "source_url": "https://example.org/desk",
    "more_source_urls": ["https://example.org/more"],
}


def write(path: Path, *records: Any) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


async def load(url: str, path: Path, *records: Any, **options: Any) -> Report:
    write(path, *records)
    return await load_file(url, path, **options)


async def ask(url: str, sql: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchrow(sql, *arguments)
    finally:
        await connection.close()


async def test_what_ships_is_loaded_whole_and_a_second_time_changes_nothing(database_url: str) -> None:
    first = await load_vocabularies(database_url)
    first.add(await load_samples(database_url))
    assert (first.invalid, first.faults, first.warnings) == (0, [], {})
    before = await ask(database_url, STATE)
    second = await load_vocabularies(database_url)
    second.add(await load_samples(database_url))
    assert (second.created, second.updated, second.unchanged) == (0, 0, first.read)
    assert await ask(database_url, STATE) == before
    counted = "SELECT (SELECT count(*) FROM practice), (SELECT count(*) FROM exchange_request)"
    shipped = [len(json.loads((DATA / f"{name}.json").read_text())) for name in ("practices", "exchange_requests")]
    assert list(await ask(database_url, counted)) == shipped
    # The contract's examples lead to records that ship.
    there = f"SELECT EXISTS (SELECT FROM exchange_request WHERE id = '{SAMPLE_ID}')"
    assert list(await ask(database_url, there)) == [True]


async def test_a_practice_of_our_own_files_is_stored_as_the_wire_has_it(database_url: str, tmp_path: Path) -> None:
    report = await load(database_url, tmp_path / "practices.ndjson", PRACTICE)
    assert (report.created, report.faults) == (1, [])
    assert report.warnings == {"partner city without id is not known: left out": 1}
    row = await ask(
        database_url,
        "SELECT p.*, x.scheme, x.value, f.op, f.version AS feed_version FROM practice p"
        " JOIN practice_external_id x ON x.practice_id = p.id JOIN feed f ON f.type = 'practice' AND f.id = p.id::text",
    )
    assert row["tags"] == ["theme:housing", "group:refugees", "gcm:15"]
    assert row["partner_cities"] == ["ch-zurich"]
    assert json.loads(row["implementers"]) == [{"name": "City of Montréal", "kind": None}]
    assert json.loads(row["indicators"])[0]["name"] == "visits"
    links = [(link["title"], link["url"], link["kind"]) for link in json.loads(row["resources"])]
    assert links == [
        ("The city", "https://example.org/desk", "source"),
        ("The city", "https://example.org/more", "source"),
    ]
    assert (row["scheme"], row["value"], row["status"], row["claimed"]) == ("load", "p-1", "published", True)
    assert (row["op"], row["feed_version"], row["version"]) == ("upsert", 1, 1)
    assert row["published_at"] == row["listed_at"]


async def test_a_change_makes_one_new_version_and_marks_it(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "practices.ndjson"
    await load(database_url, file, PRACTICE, {**PRACTICE, "external_id": "p-2"})
    report = await load(database_url, file, {**PRACTICE, "title": "Better desk"}, {**PRACTICE, "external_id": "p-2"})
    assert (report.created, report.updated, report.unchanged) == (0, 1, 1)
    row = await ask(
        database_url,
        "SELECT p.version, f.version AS marked FROM practice p JOIN feed f ON f.id = p.id::text"
        " WHERE title = 'Better desk'",
    )
    assert list(row) == [2, 2]


async def test_a_practice_as_the_api_shows_it_keeps_its_identity(database_url: str, tmp_path: Path) -> None:
    shown = {
        "id": "01930000-0000-7000-8000-000000000001",
        "title": "Desk",
        "summary": "A desk.",
        "language": "fr",
        "tags": ["theme:housing"],
        "city": {"id": "ca-montreal", "name": "Montréal", "country": "CA"},
        "partner_cities": [{"id": "ch-zurich", "name": "Zürich", "country": "CH"}],
        "contact": None,
        "status": "archived",
        "visibility": "members",
        "created_at": "2024-01-01T00:00:00.000Z",
        "updated_at": "2024-01-03T00:00:00.000Z",
        "published_at": "2024-01-02T00:00:00.000Z",
        "last_verified_at": None,
        "version": 7,
        "translations": [],
        "endorsements": [],
        "adoption_count": 3,
        "origins": [
            {"network": "mmc", "external_id": "m-1", "url": None, "last_synced_at": "2024-01-02T00:00:00.000Z"}
        ],
        "networks": ["mmc"],
        "successor": None,
        "external_ids": [{"scheme": "hub", "value": "h-1", "url": None}],
        "allowed_transitions": [],
    }
    for times in (1, 0):
        report = await load(database_url, tmp_path / "x.ndjson", shown)
        assert (report.created, report.faults) == (times, [])
    row = await ask(
        database_url,
        "SELECT p.*, o.external_id AS origin, (SELECT count(*) FROM feed WHERE type = 'practice') AS fed"
        " FROM practice p JOIN practice_origin o ON o.practice_id = p.id",
    )
    assert (str(row["id"]), row["version"], row["status"], row["networks"]) == (shown["id"], 7, "archived", ["mmc"])
    assert (row["created_at"].day, row["published_at"].day, row["origin"], row["fed"]) == (1, 2, "m-1", 0)


async def test_a_network_brings_practices_in_under_its_own_ids(database_url: str, tmp_path: Path) -> None:
    for times in (1, 0):
        report = await load(database_url, tmp_path / "practices.ndjson", PRACTICE, network="mmc")
        assert report.created == times
    row = await ask(
        database_url,
        "SELECT p.networks, p.version, x.scheme, o.network_id, o.external_id FROM practice p"
        " JOIN practice_external_id x ON x.practice_id = p.id JOIN practice_origin o ON o.practice_id = p.id",
    )
    assert list(row) == [["mmc"], 1, "mmc", "mmc", "p-1"]
    with pytest.raises(UnreadableFileError, match="no network nobody"):
        await load(database_url, tmp_path / "practices.ndjson", PRACTICE, network="nobody")


async def test_bad_records_are_told_by_line_and_field_and_the_others_are_loaded(
    database_url: str, tmp_path: Path
) -> None:
    report = await load(
        database_url,
        tmp_path / "practices.ndjson",
        PRACTICE,
        {**PRACTICE, "external_id": "b-1", "themes": ["housng"], "city_id": "ca-nowhere"},
        {**PRACTICE, "external_id": "b-2", "outcomes": [{"indicator": "x", "value": "many"}]},
        {**PRACTICE, "external_id": "b-3", "title": "x" * 151},
        {**PRACTICE, "external_id": "b-4", "summary": None},
        {**PRACTICE, "external_id": "b-5", "colour": "red"},
        {**PRACTICE, "external_id": "b-6", "status": "merged"},
        [],
        {**PRACTICE, "external_id": "p-2"},
    )
    assert (report.created, report.invalid) == (2, 7)
    assert [(fault.line, fault.field) for fault in report.faults] == [
        (2, "themes"),
        (2, "city_id"),
        (3, "outcomes.0.value"),
        (4, "title"),
        (5, "summary"),
        (6, "colour"),
        (7, "status"),
        (8, ""),
    ]
    assert {fault.file for fault in report.faults} == {"practices.ndjson"}


async def test_what_only_the_database_refuses_spoils_no_other_record(database_url: str, tmp_path: Path) -> None:
    tags = [
        {"id": "theme:a", "scheme": "theme", "code": "a", "label": "A"},
        {"id": "theme:b", "scheme": "theme", "code": "b", "label": "B", "broader": "theme:a"},
        {"id": "theme:c", "scheme": "theme", "code": "c", "label": "C", "broader": "theme:unknown"},
    ]
    report = await load(database_url, tmp_path / "tags.ndjson", *tags)
    assert (report.created, [fault.line for fault in report.faults]) == (2, [3])


async def test_records_without_any_identity_are_not_doubled(database_url: str, tmp_path: Path) -> None:
    record = {"title": "Desk", "summary": "A desk.", "city_id": "ca-montreal"}
    assert (await load(database_url, tmp_path / "practices.ndjson", record)).created == 1
    assert (await load(database_url, tmp_path / "practices.ndjson", record)).unchanged == 1


async def test_a_csv_of_cities_with_networks(database_url: str, tmp_path: Path) -> None:
    path = tmp_path / "cities.csv"
    path.write_text(
        "id,name,country,latitude,longitude,population,languages,name_local,networks\n"
        "ch-testville,Testville,CH,47.1,8.2,1000,de;fr,Teststadt,mmc;unheard-of\n"
        "ch-bad,Bad,CH,far,8.2,,,,\n",
        encoding="utf-8",
    )
    report = await load_file(database_url, path)
    assert (report.created, [(fault.line, fault.field) for fault in report.faults]) == (1, [(3, "latitude")])
    row = await ask(
        database_url,
        "SELECT c.names::text, c.member, m.network_id FROM city c JOIN membership m ON m.city_id = c.id"
        " WHERE c.id = 'ch-testville'",
    )
    assert list(row) == ['{"de": "Teststadt"}', False, "mmc"]


async def test_a_city_with_a_new_name_marks_the_practices_that_show_it(database_url: str, tmp_path: Path) -> None:
    await load(database_url, tmp_path / "practices.ndjson", PRACTICE)
    dirty = "SELECT dirty FROM feed WHERE type = 'practice'"
    before = (await ask(database_url, dirty))["dirty"]
    city = {"id": "ch-zurich", "name": "Zuerich", "country": "CH"}
    assert (await load(database_url, tmp_path / "cities.ndjson", city)).updated == 1
    assert (await ask(database_url, dirty))["dirty"] > before


async def test_requests_name_cities_practices_and_that_they_are_examples(database_url: str, tmp_path: Path) -> None:
    await load(database_url, tmp_path / "practices.ndjson", PRACTICE)
    request = {
        "external_id": "x-1",
        "illustrative": True,
        "kind": "seek",
        "title": "How?",
        "description": "We want to know.",
        "city_id": "ch-zurich",
        "to_city_id": "ca-montreal",
        "practice_external_id": "p-1",
        "themes": ["housing"],
        "formats": ["webinar"],
        "visibility": "addressed",
    }
    assert (await load(database_url, tmp_path / "requests.ndjson", request)).faults == []
    row = await ask(
        database_url,
        "SELECT r.*, p.title AS practice, (SELECT count(*) FROM feed WHERE type LIKE '%request%') AS fed"
        " FROM exchange_request r JOIN practice p ON p.id = r.practice_id",
    )
    assert (row["need"], row["addressed_to"], row["practice"]) == (
        "We want to know.",
        ["city:ca-montreal"],
        "Welcome desk",
    )
    assert row["already_tried"] == "Illustrative example: no city has made this request."
    assert (row["tags"], row["formats"], row["fed"]) == (["theme:housing"], ["format:webinar"], 0)
    assert (row["expires_at"] - row["created_at"]).days == 90


async def test_a_chunk_is_a_transaction_with_one_audit_row(database_url: str, tmp_path: Path) -> None:
    records = [{**PRACTICE, "external_id": f"n-{number}"} for number in range(2_500)]
    assert (await load(database_url, tmp_path / "practices.ndjson", *records)).created == len(records)
    row = await ask(
        database_url,
        "SELECT count(*), count(DISTINCT at), min(changed::text) FROM audit WHERE action = 'loaded'",
    )
    assert list(row) == [3, 3, '["1000 created", "0 updated"]']
