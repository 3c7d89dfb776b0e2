"""Who brings records in, and whose they are."""

import pytest

from tests.conftest import Token
from tests.factories import Headers
from tests.resources.sources.bringing import MMC, MONTREAL, UCLG


@pytest.fixture
async def callers(token: Token) -> dict[str, Headers]:
    return {name: await token(name) for name in (MMC, UCLG, MONTREAL, "operator")}
