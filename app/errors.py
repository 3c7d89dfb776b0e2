"""The catalogue of errors: one class per problem type (RFC 9457), raised anywhere, rendered once in the web layer."""

from typing import Any, ClassVar


class Problem(Exception):
    """An answer that is not what was asked for.

    Attributes:
        slug: last part of the `type` URI; stable, part of the contract.
        status: HTTP status.
        title: the kind of problem, the same for every occurrence.
        explanation: what the documentation page behind the type says: why it happens and what to do.
        detail: this occurrence, for a person.
        errors: `{pointer, code, detail}` per faulty place of the input.
        headers: further headers of the answer.
        members: further members of the problem document.
    """

    slug: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    explanation: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.headers = headers or {}
        self.members = members


def error(pointer: str, code: str, detail: str) -> dict[str, str]:
    """One entry of a problem's `errors`; `pointer` is a JSON Pointer into the body (RFC 6901) or `?name`."""
    return {"pointer": pointer, "code": code, "detail": detail}


class MalformedJson(Problem):
    slug, status, title = "malformed-json", 400, "The body is not JSON"
    explanation = (
        "The request body could not be read as JSON (RFC 8259). Send UTF-8 JSON; `detail` says where it broke."
    )


class BadRequest(Problem):
    slug, status, title = "bad-request", 400, "The request is malformed"
    explanation = "A header or the request line is not of the form this service takes; `detail` names it."


class UnknownParameter(Problem):
    slug, status, title = "unknown-parameter", 400, "The path knows no such query parameter"
    explanation = (
        "A query parameter is unknown to the path, or given more often than it may be. Nothing is ever ignored in "
        "silence: a filter that was misspelt would otherwise return everything."
    )


class InvalidCursor(Problem):
    slug, status, title = "invalid-cursor", 400, "The cursor cannot be used here"
    explanation = (
        "A cursor is opaque, signed, and bound to the path and the filters it was made for. It was altered, comes from "
        "another list, or the filters changed. Start again without `cursor`."
    )


class Unauthorized(Problem):
    slug, status, title = "unauthorized", 401, "A valid access token is needed"
    explanation = (
        "The operation needs a token, or the one sent is not valid: expired, revoked, altered, or not made here. Get a "
        "new one at `/oauth/token` with the client's id and secret (RFC 6749 §4.4) and send it as `Authorization: "
        "Bearer …`."
    )


class Forbidden(Problem):
    slug, status, title = "forbidden", 403, "The caller may not do this"
    explanation = (
        "The record can be seen but not changed by the caller's organization, or the token lacks a scope; `detail` "
        "says which."
    )


class NotFound(Problem):
    slug, status, title = "not-found", 404, "There is no such thing here"
    explanation = "No such path or record, or none that the caller may see: the answer is the same for both on purpose."


class MethodNotAllowed(Problem):
    slug, status, title = "method-not-allowed", 405, "The path does not take this method"
    explanation = "The path exists but not for this method; `Allow` lists those it takes."


class NotAcceptable(Problem):
    slug, status, title = "not-acceptable", 406, "None of the accepted media types can be made"
    explanation = "The `Accept` header leaves no media type that this path offers."


class Conflict(Problem):
    slug, status, title = "conflict", 409, "The request conflicts with what is there"
    explanation = "A record with the same identity exists already, or another one depends on it; `detail` names it."


class TransitionNotAllowed(Problem):
    slug, status, title = "transition-not-allowed", 409, "The record cannot move to that state"
    explanation = (
        "The state machine has no such move from the state the record is in now. `allowed` lists the moves that the "
        "caller may make. Of two moves at once one wins and the other gets this answer."
    )


class IdempotencyKeyInUse(Problem):
    slug, status, title = "idempotency-key-in-use", 409, "The first request with this key is still running"
    explanation = "Wait as long as `Retry-After` says and send the same request again."


class Gone(Problem):
    slug, status, title = "gone", 410, "The record was withdrawn"
    explanation = (
        "The record was published once and has been withdrawn. `tombstone` says when and why; remove copies of it. A "
        "`successor`, where there is one, takes its place."
    )


class ResyncRequired(Problem):
    slug, status, title = "resync-required", 410, "The cursor belongs to another history"
    explanation = (
        "The database was restored or replaced since the cursor was made, or the cursor is older than the kept "
        "tombstones. Take a new full copy from `start`; only so nothing is missed."
    )


class PreconditionFailed(Problem):
    slug, status, title = "precondition-failed", 412, "The record has changed meanwhile"
    explanation = (
        "`If-Match` names another version than the present one. Read the record, look at the change, try again."
    )


class PayloadTooLarge(Problem):
    slug, status, title = "payload-too-large", 413, "The body is too large"
    explanation = "Bodies are limited to 1 MiB (bulk: 256 KiB a line). Send less, or use the bulk path."


class UnsupportedMediaType(Problem):
    slug, status, title = "unsupported-media-type", 415, "The path does not take this media type"
    explanation = "Send `Content-Type: application/json` (for PATCH also `application/merge-patch+json`)."


class InvalidInput(Problem):
    slug, status, title = "invalid-input", 422, "The input is not valid"
    explanation = (
        "The input was understood but breaks a rule. Each entry of `errors` points to a place (`pointer`: JSON Pointer "
        "into the body, or `?name` for a query parameter), with a stable `code` and a `detail` for people. Nothing was "
        "stored."
    )


class IdempotencyKeyReused(Problem):
    slug, status, title = "idempotency-key-reused", 422, "The key was used for another request"
    explanation = "The same `Idempotency-Key` came with another body within 24 hours. Use a new key for a new request."


class PreconditionRequired(Problem):
    slug, status, title = "precondition-required", 428, "The change must say which version it is for"
    explanation = "Send `If-Match` with the `ETag` of the record as you read it, so that no one else's change is lost."


class TooManyRequests(Problem):
    slug, status, title = "too-many-requests", 429, "The limit of requests is reached"
    explanation = "Wait as long as `Retry-After` says. `RateLimit-Policy` tells the quota and its window."


class HeadersTooLarge(Problem):
    slug, status, title = "headers-too-large", 431, "The request headers are too large"
    explanation = "All request headers together are limited to 32 KiB, `Authorization` to 8 KiB."


class InternalError(Problem):
    slug, status, title = "internal-error", 500, "Something broke on our side"
    explanation = "The request was not carried out, or not wholly answered. Report the request id in `instance`."


class ServiceUnavailable(Problem):
    slug, status, title = "service-unavailable", 503, "The service cannot answer just now"
    explanation = "The database cannot be reached or too much is under way. Try again after `Retry-After` seconds."


CATALOGUE: dict[str, type[Problem]] = {problem.slug: problem for problem in Problem.__subclasses__()}
