"""As it is when nothing was set: webhooks lead to the public internet and nowhere else."""

import pytest
from httpx import AsyncClient

from app.config import Settings
from app.database import Database
from tests.conftest import Token
from tests.receiver import Receiver
from tests.webhooks import deliveries, settled


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, rate_limit="off", worker="off", pool_size=5)


@pytest.mark.usefixtures("sending")
async def test_private_addresses_are_refused_when_registered_and_when_called(
    client: AsyncClient, token: Token, database: Database, receiver: Receiver
) -> None:
    headers = await token("city:ca-montreal")
    for url in (receiver.url(), receiver.url().replace("127.0.0.1", "localhost"), "https://[::1]/", "http://10.0.0.1/"):
        refused = await client.post("/v1/webhooks", json={"url": url}, headers=headers)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == "/url"
    made = await client.post("/v1/webhooks", json={"url": "https://8.8.8.8/hook"}, headers=headers)
    assert made.status_code == 201
    webhook = made.json()
    path, change = f"/v1/webhooks/{webhook['id']}", {**headers, "If-Match": "*"}
    assert (await client.patch(path, json={"url": receiver.url()}, headers=change)).status_code == 422
    # As if its name led elsewhere by now.
    await database.execute("UPDATE webhook SET url = $1", receiver.url())
    await client.post(f"{path}/test", headers=headers)
    await settled(database)
    [delivery] = await deliveries(client, headers, webhook)
    assert delivery["attempts"][0]["error"].startswith("refused")
    assert receiver.received == []
