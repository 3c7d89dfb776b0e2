"""Who asks, as a dependency."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt

from app.web.tokens import AUDIENCE
from benchmarks.plain.session import SessionDep
from benchmarks.plain.tables import Client, RevokedToken, SigningKey

bearer = HTTPBearer()


async def current_client(
    session: SessionDep, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]
) -> Client:
    """The live client behind a valid token; 401 without one."""
    refusal = HTTPException(401, "The access token is not valid.", headers={"WWW-Authenticate": "Bearer"})
    try:
        key = await session.get(SigningKey, jwt.get_unverified_header(credentials.credentials)["kid"])
        if key is None:
            raise refusal
        claims = jwt.decode(credentials.credentials, key.public_jwk, algorithms=["ES256"], audience=AUDIENCE)
        client = await session.get(Client, claims["client_id"])
        revoked = await session.get(RevokedToken, UUID(claims["jti"]))
    except (JWTError, KeyError, ValueError) as reason:
        raise refusal from reason
    if client is None or client.revoked_at is not None or revoked is not None:
        raise refusal
    if "practices:write" not in claims["scope"].split() or "practices:write" not in client.scopes:
        raise HTTPException(403, "The token lacks the scope practices:write.")
    return client


ClientDep = Annotated[Client, Depends(current_client)]
