"""GET /v1/cities: what each filter lets in, and how pages follow one another."""

import math
from typing import Any

import pytest
from httpx import AsyncClient

from app.database import Database
from tests.conftest import SqlCount, Token
from tests.factories import make_practice

City = dict[str, Any]


async def everything(client: AsyncClient, query: str = "", limit: int = 100) -> list[City]:
    """All pages of a list, by the Link header."""
    items: list[City] = []
    address: str | None = f"/v1/cities?limit={limit}{'&' if query else ''}{query}"
    while address:
        response = await client.get(address)
        assert response.status_code == 200, response.text
        body = response.json()
        assert len(body["items"]) <= limit
        items += body["items"]
        address = response.links.get("next", {}).get("url")
        assert (address is None) == (body["next_cursor"] is None)
    return items


def kilometres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The angle between two vectors: not the formula that the service uses."""

    def vector(position: tuple[float, float]) -> list[float]:
        latitude, longitude = map(math.radians, position)
        return [
            math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)
        ]  # fmt: skip

    a, b = vector(one), vector(other)
    cross = math.hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return 6371.0088 * math.atan2(cross, sum(x * y for x, y in zip(a, b, strict=True)))


async def place(database: Database, id_: str, latitude: float | None, longitude: float | None) -> None:
    await database.execute(
        "INSERT INTO city (id, name, country, latitude, longitude) VALUES ($1, $1, $2, $3, $4)",
        id_, id_[:2].upper(), latitude, longitude,
    )  # fmt: skip


async def test_pages_hold_every_city_once_in_the_order_of_ids(client: AsyncClient, database: Database) -> None:
    ids = [city["id"] for city in await everything(client, limit=7)]
    rows = await database.rows("SELECT id FROM city ORDER BY id")
    assert ids == [row["id"] for row in rows]
    assert len(ids) > 20


async def test_pages_are_stable_while_cities_are_added(client: AsyncClient, database: Database) -> None:
    first = (await client.get("/v1/cities", params={"limit": 5})).json()
    await place(database, "aa-first", None, None)
    second = (await client.get("/v1/cities", params={"limit": 5, "cursor": first["next_cursor"]})).json()
    assert not {city["id"] for city in first["items"]} & {city["id"] for city in second["items"]}
    assert "aa-first" not in {city["id"] for city in second["items"]}


async def test_one_statement(client: AsyncClient, sql_count: SqlCount) -> None:
    await client.get("/v1/cities")
    with sql_count() as statements:
        await client.get("/v1/cities", params={"limit": 100, "near": "0,0", "network": "mmc", "role": "transit"})
    assert len(statements) == 1, statements


async def test_an_item_is_what_the_single_record_is(client: AsyncClient) -> None:
    item = (await everything(client, "network=mmc"))[0]
    assert (await client.get(f"/v1/cities/{item['id']}")).json() == item


async def test_filters_of_the_profile(client: AsyncClient, database: Database) -> None:
    await database.execute(
        "UPDATE city SET roles = '{transit,destination}', mandates = '{housing,health}', member = true,"
        " population = 60000 WHERE id = 'ca-montreal'"
    )
    await database.execute("UPDATE city SET roles = '{transit}' WHERE id = 'gb-bristol'")
    whole = await everything(client)

    async def same(query: str, condition: Any) -> None:
        found = [city["id"] for city in await everything(client, query)]
        assert found == [city["id"] for city in whole if condition(city)], query
        assert found, query

    await same("country=CA", lambda city: city["country"] == "CA")
    await same("role=transit", lambda city: "transit" in city["roles"])
    await same("role=transit&role=destination", lambda city: {"transit", "destination"} <= set(city["roles"]))
    await same("mandate=health", lambda city: "health" in city["mandates"])
    await same("member=true", lambda city: city["member"])
    await same("member=false", lambda city: not city["member"])
    await same("population_band=s", lambda city: city["population_band"] == "s")
    await same("network=mmc", lambda city: "mmc" in city["networks"])
    await same("network=mmc&country=CA&member=true", lambda city: city["id"] == "ca-montreal")


async def test_a_membership_that_is_over_does_not_count(client: AsyncClient, database: Database) -> None:
    before = await everything(client, "network=mmc")
    await database.execute("UPDATE membership SET until = current_date WHERE network_id = 'mmc'")
    assert await everything(client, "network=mmc") == before
    await database.execute("UPDATE membership SET until = current_date - 1 WHERE network_id = 'mmc'")
    assert await everything(client, "network=mmc") == []
    montreal = (await client.get("/v1/cities/ca-montreal")).json()
    assert "mmc" not in montreal["networks"]


@pytest.mark.parametrize("radius", [None, 0.5, 300, 2500, 20_000])
@pytest.mark.parametrize(
    "here", [(45.5, -73.6), (-17.7, 179.9), (-17.7, -179.9), (90.0, 0.0), (-89.9, 10.5), (0.0, 0.0)]
)
async def test_near_is_the_distance_on_the_sphere(
    client: AsyncClient, database: Database, here: tuple[float, float], radius: float | None
) -> None:
    for number, (latitude, longitude) in enumerate(
        [(-18.1, 178.4), (-13.8, -171.8), (-17.7, -179.99), (89.9, 123.4), (-89.9, -170.0), (0.001, 0.001)]
    ):
        await place(database, f"zz-{number}", latitude, longitude)
    await place(database, "zz-nowhere", None, None)
    query = f"near={here[0]},{here[1]}" + (f"&radius_km={radius}" if radius else "")
    found = {city["id"] for city in await everything(client, query)}
    expected = {
        city["id"]
        for city in await everything(client)
        if city["latitude"] is not None and kilometres(here, (city["latitude"], city["longitude"])) <= (radius or 100)
    }
    assert found == expected
    assert "zz-nowhere" not in found


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ("170,-20,-170,-10", {"zz-east", "zz-west", "zz-line"}),
        ("-170,-20,170,-10", {"zz-africa"}),
        ("178.4,-18.1,178.4,-18.1", {"zz-east"}),
        ("-180,-90,180,90", {"zz-east", "zz-west", "zz-line", "zz-africa"}),
        ("180,-20,-180,-10", {"zz-line"}),
        ("0,0,10,10", set()),
    ],
)
async def test_a_box_may_cross_the_antimeridian(
    client: AsyncClient, database: Database, box: str, expected: set[str]
) -> None:
    for id_, longitude in (("zz-east", 178.4), ("zz-west", -171.8), ("zz-line", 180.0), ("zz-africa", 25.0)):
        await place(database, id_, -18.1, longitude)
    await place(database, "zz-nowhere", None, None)
    found = {city["id"] for city in await everything(client, f"bbox={box}&country=ZZ")}
    assert found == expected


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("near=91,0", 422, "?near"),
        ("near=0,181", 422, "?near"),
        ("near=0", 422, "?near"),
        ("near=0,0,0", 422, "?near"),
        ("near=nan,0", 422, "?near"),
        ("near=1e1,0", 422, "?near"),
        ("near=0,0&radius_km=20001", 422, "?radius_km"),
        ("near=0,0&radius_km=0", 422, "?radius_km"),
        ("near=0,0&radius_km=-1", 422, "?radius_km"),
        ("near=0,0&radius_km=nan", 422, "?radius_km"),
        ("near=0,0&radius_km=inf", 422, "?radius_km"),
        ("radius_km=5", 422, "?radius_km"),
        ("bbox=0,0,0", 422, "?bbox"),
        ("bbox=0,10,0,-10", 422, "?bbox"),
        ("bbox=-181,0,0,0", 422, "?bbox"),
        ("bbox=0,0,0,91", 422, "?bbox"),
        ("country=ca", 422, "?country"),
        ("role=tourist", 422, "?role"),
        ("mandate=x", 422, "?mandate"),
        ("population_band=xxl", 422, "?population_band"),
        ("member=perhaps", 422, "?member"),
        ("network=No%20Network", 422, "?network"),
        ("limit=0", 422, "?limit"),
        ("limit=101", 422, "?limit"),
        ("q=berlin%00", 422, "?q"),
        ("colour=red", 400, "?colour"),
        ("country=CA&country=DE", 400, "?country"),
    ],
)
async def test_what_makes_no_sense_is_refused(client: AsyncClient, query: str, status: int, pointer: str) -> None:
    response = await client.get(f"/v1/cities?{query}")
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["pointer"] == pointer


async def test_a_cursor_belongs_to_its_filters(client: AsyncClient) -> None:
    cursor = (await client.get("/v1/cities?limit=1&network=mmc")).json()["next_cursor"]
    assert (await client.get("/v1/cities", params={"network": "mmc", "cursor": cursor})).status_code == 200
    assert (await client.get("/v1/cities", params={"cursor": cursor})).status_code == 400
    assert (await client.get("/v1/networks", params={"cursor": cursor})).status_code == 400
    altered = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    assert (await client.get("/v1/cities", params={"network": "mmc", "cursor": altered})).status_code == 400


async def test_the_first_page_has_an_etag(client: AsyncClient) -> None:
    first = await client.get("/v1/cities")
    again = await client.get("/v1/cities", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "public" in first.headers["cache-control"]


async def test_only_published_public_practices_are_counted(client: AsyncClient, token: Token) -> None:
    headers = await token("city:ca-montreal")
    await make_practice(client, headers)
    await make_practice(client, headers, publish=False)
    await make_practice(client, headers, visibility="members")
    counts = {city["id"]: city["practice_count"] for city in await everything(client, "country=CA")}
    assert counts.pop("ca-montreal") == 1
    assert set(counts.values()) == {0}
