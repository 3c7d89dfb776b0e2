"""Whether a webhook may lead to a URL."""

import asyncio

from app.errors import InvalidInput, error
from app.outgoing.addresses import RefusedDestinationError, resolve, take_apart

LOOK_UP_WITHIN = 2.0


async def check_destination(url: str, *, private: bool) -> None:
    """Refuse a URL that leads into a private network; `private`: take those too.

    A name that leads nowhere just now is taken: what it leads to is asked again whenever something is sent.

    Raises:
        InvalidInput: it points at `/url`.
    """
    try:
        async with asyncio.timeout(LOOK_UP_WITHIN):
            await resolve(take_apart(url, private=private), private=private)
    except RefusedDestinationError as reason:
        raise InvalidInput(f"/url: {reason}", errors=[error("/url", "refused_destination", str(reason))]) from reason
    except (OSError, UnicodeError):
        return
