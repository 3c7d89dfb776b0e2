"""HTTP for tokens: the endpoints of OAuth 2.0 and the well-known documents about them."""

from typing import Any

from starlette.responses import JSONResponse, Response

from app.caller import SCOPES, Actor
from app.resources.tokens import commands
from app.resources.tokens.forms import NO_STORE, FormRoute, credentials_of, form_of, network_of
from app.resources.tokens.schemas import (
    TOKEN_FORM,
    TOKEN_ONLY_FORM,
    Introspection,
    JwkSet,
    OAuthError,
    OAuthProblem,
    ResourceMetadata,
    ServerMetadata,
    TokenResponse,
)
from app.signing import InvalidTokenError
from app.web.addresses import base_url, issuer
from app.web.routing import ApiRequest, ApiRouter
from app.web.tokens import AUDIENCE

GRANT = "client_credentials"
AUTHENTICATION = ["client_secret_basic", "client_secret_post"]
SHORT = "public, max-age=300"


class JwkSetResponse(JSONResponse):
    """A JSON Web Key Set."""

    media_type = "application/jwk-set+json"


# What is refused before it reaches the endpoint has the form that errors have everywhere.
BEFORE: dict[str, Any] = {
    "application/problem+json": {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": {
            "type": "https://exchange.example/problems/bad-request",
            "title": "Bad request",
            "status": 400,
            "detail": "The request cannot be read.",
            "instance": "urn:request:0f8fad5bd9cb469fa16570867728950e",
        },
    }
}
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": OAuthProblem,
        "description": "The request is malformed, or asks for what there is not.",
        "content": BEFORE,
    },
    401: {"model": OAuthProblem, "description": "The client's credentials are missing or wrong."},
    413: {"model": OAuthProblem, "description": "The body is too large.", "content": BEFORE},
    429: {
        "model": OAuthProblem,
        "description": "Too many requests, or too many failed logins; wait as `Retry-After` says.",
    },
    500: {"model": OAuthProblem, "description": "Something broke on our side.", "content": BEFORE},
    503: {"model": OAuthProblem, "description": "The service cannot answer just now.", "content": BEFORE},
}


def _operation(form: dict[str, Any]) -> dict[str, Any]:
    not_allowed = {"405": {"$ref": "#/components/responses/MethodNotAllowed"}}
    return {"requestBody": form, "responses": not_allowed, "security": []}


router = ApiRouter("tokens", prefix="")
forms = ApiRouter("tokens", prefix="")
forms.route_class = FormRoute


@forms.post("/oauth/token", response_model=TokenResponse, responses=ERRORS, openapi_extra=_operation(TOKEN_FORM))
async def create_token(request: ApiRequest) -> Response:
    """Get an access token for a client's id and secret (RFC 6749 §4.4).

    They come by Basic or in the form.
    The token is a JWT (RFC 9068). There is no refresh token: ask again when it is over. After five failed logins of a
    client from one address each further one has to wait.
    """
    form = await form_of(request)
    login = await _log_in(request, form)
    if "grant_type" not in form:
        raise OAuthError("invalid_request", "The parameter grant_type is missing.")
    if form["grant_type"] != GRANT:
        raise OAuthError("unsupported_grant_type", f"The only grant here is {GRANT}.")
    services = request.services
    lifetime = services.settings.token_lifetime
    token, granted = await commands.issue(
        services.keys,
        login,
        form.get("scope"),
        issuer=issuer(request.scope),
        audience=AUDIENCE,
        lifetime=lifetime,
    )
    answer = {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": granted}
    return JSONResponse(answer, headers=NO_STORE)


@forms.post("/oauth/revoke", responses=ERRORS, openapi_extra=_operation(TOKEN_ONLY_FORM), response_class=Response)
async def revoke_token(request: ApiRequest) -> Response:
    """Revoke an access token of one's own (RFC 7009): it stops working within 5 seconds, everywhere.

    A token that is unknown or over is 200 too.
    """
    form = await form_of(request)
    login = await _log_in(request, form)
    token = _token(form)
    verifier = request.services.verifier
    try:
        found = await verifier.inspect(token)
    except InvalidTokenError:
        return Response(headers=NO_STORE)
    if found.claims.client_id != login.client_id:
        raise OAuthError("unauthorized_client", "The token was issued to another client.")
    await commands.revoke(request.services.database, Actor(login.caller, request.request_id), found.claims)
    verifier.forget(token)
    return Response(headers=NO_STORE)


@forms.post(
    "/oauth/introspect", response_model=Introspection, responses=ERRORS, openapi_extra=_operation(TOKEN_ONLY_FORM)
)
async def introspect_token(request: ApiRequest) -> Response:
    """Tell what an access token of one's organization is worth (RFC 7662); the operator may ask about any.

    A token that is not valid, or is another organization's, is `{"active": false}` and no more.
    """
    form = await form_of(request)
    login = await _log_in(request, form)
    token = _token(form)
    answer: dict[str, Any] = {"active": False}
    try:
        found = await request.services.verifier.inspect(token)
    except InvalidTokenError:
        return JSONResponse(answer, headers=NO_STORE)
    if login.caller.is_operator or login.caller.organization == found.caller.organization:
        claims = found.claims
        answer = {
            "active": True,
            "scope": " ".join(sorted(found.caller.scopes)),
            "client_id": claims.client_id,
            "token_type": "Bearer",
            "exp": claims.expires_at,
            "iat": claims.issued_at,
            "sub": claims.client_id,
            "aud": AUDIENCE,
            "iss": claims.issuer,
            "jti": str(claims.jti),
        }
    return JSONResponse(answer, headers=NO_STORE)


@router.get("/.well-known/oauth-authorization-server", response_model=ServerMetadata)
async def get_authorization_server(request: ApiRequest) -> Response:
    """Find the token endpoints (RFC 8414)."""
    base = base_url(request.scope)
    metadata = {
        "issuer": issuer(request.scope),
        "token_endpoint": f"{base}/oauth/token",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "introspection_endpoint": f"{base}/oauth/introspect",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "scopes_supported": list(SCOPES),
        "response_types_supported": [],
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": AUTHENTICATION,
        "introspection_endpoint_auth_methods_supported": AUTHENTICATION,
        "service_documentation": f"{base}/docs",
    }
    return JSONResponse(metadata, headers={"Cache-Control": SHORT, "Vary": "Host"})


@router.get("/.well-known/oauth-protected-resource", response_model=ResourceMetadata)
async def get_protected_resource(request: ApiRequest) -> Response:
    """Find out who makes the tokens that this API takes (RFC 9728)."""
    base = base_url(request.scope)
    metadata = {
        "resource": base,
        "resource_name": "Practice Exchange",
        "authorization_servers": [issuer(request.scope)],
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header"],
        "resource_documentation": f"{base}/docs",
    }
    return JSONResponse(metadata, headers={"Cache-Control": SHORT, "Vary": "Host"})


@router.get("/.well-known/jwks.json", response_model=JwkSet, response_class=JwkSetResponse)
async def get_jwks(request: ApiRequest) -> Response:
    """Read the public keys that verify access tokens (RFC 7517); a new one stands here before it signs."""
    return JwkSetResponse(await request.services.keys.key_set(), headers={"Cache-Control": SHORT})


async def _log_in(request: ApiRequest, form: dict[str, str]) -> commands.Login:
    login = await commands.log_in(request.services.database, credentials_of(request, form), network_of(request.scope))
    request.scope["caller"] = login.caller  # for the log line
    return login


def _token(form: dict[str, str]) -> str:
    if "token" not in form:
        raise OAuthError("invalid_request", "The parameter token is missing.")
    return form["token"]


router.routes.extend(forms.routes)
