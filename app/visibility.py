"""Who sees which record, as SQL conditions. A member of no network sees what any member sees."""

from app.caller import Caller
from app.database import Arguments

# Of one row alone; the indexes of what is public say the same (app/tables/practice.py).
PUBLIC = "status = 'published' AND visibility = 'public'"
PUBLIC_PRACTICE = "p.status = 'published' AND p.visibility = 'public'"
PUBLISHED_ONCE = "p.status IN ('published', 'withdrawn', 'merged')"


def practice_visible(caller: Caller, arg: Arguments, *, ended: bool = False) -> str:
    """The condition that the caller sees the practice `p`; with `ended` also what is left of a withdrawn one."""
    if caller.is_operator:
        return "TRUE"
    if not caller.is_member:
        return f"{PUBLISHED_ONCE} AND p.visibility = 'public'" if ended else PUBLIC_PRACTICE
    standing = PUBLISHED_ONCE if ended else "p.status = 'published'"
    return f"(({standing} AND p.visibility = ANY({_shared(caller, arg)})) OR {practice_concerns(caller, arg)})"


def practice_shown(caller: Caller, arg: Arguments, visibility: str) -> str:
    """The condition that the caller sees what the practice `p` was while it was published with this `visibility`.

    It comes on top of `practice_visible`: that the caller sees what the practice is now.
    """
    if caller.is_operator:
        return "TRUE"
    if not caller.is_member:
        return f"{visibility} = 'public'"
    return f"({visibility} = ANY({_shared(caller, arg)}) OR {practice_concerns(caller, arg)})"


def _shared(caller: Caller, arg: Arguments) -> str:
    """The visibilities that a member shares, as a text array."""
    return f"{arg(shared_with(caller))}::text[]"


def shared_with(caller: Caller) -> list[str]:
    """The visibilities of what is published for the caller, beside what it stands behind itself."""
    return (
        ["public", "members", *(f"network:{network}" for network in caller.networks)]
        if caller.is_member
        else ["public"]
    )


def practice_concerns(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller stands behind the practice `p`, in whatever state: its city, or its network."""
    if caller.is_operator:
        return "TRUE"
    if caller.city_id:
        return f"p.city_id = {arg(caller.city_id)}"
    if caller.network_id:
        network = arg(caller.network_id)
        return f"(p.networks @> ARRAY[{network}::text] OR (p.submitted_to = {network} AND p.status <> 'draft'))"
    return "FALSE"


def practice_owned(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller may change `p`: its city, or a network that brought it while it is unclaimed."""
    if caller.is_operator:
        return "TRUE"
    if caller.city_id:
        return f"p.city_id = {arg(caller.city_id)}"
    if caller.network_id:
        return f"(NOT p.claimed AND p.networks @> ARRAY[{arg(caller.network_id)}::text])"
    return "FALSE"


def practice_publishable(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller may change `p` and is reviewed by nobody, unlike a network with such a policy."""
    owned = practice_owned(caller, arg)
    if not caller.network_id:
        return owned
    policy = f"SELECT n.review_policy FROM network n WHERE n.id = {arg(caller.network_id)}"
    return f"({owned} AND ({policy}) = 'self_publish')"


def practice_reviewed(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller reviews the practice `p`: the network that it was submitted to."""
    if caller.is_operator:
        return "TRUE"
    return f"coalesce(p.submitted_to = {arg(caller.network_id)}, FALSE)" if caller.network_id else "FALSE"


def request_owned(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller may change the exchange request `r`: its city."""
    if caller.is_operator:
        return "TRUE"
    return f"r.city_id = {arg(caller.city_id)}" if caller.city_id else "FALSE"


def request_addressed(caller: Caller, arg: Arguments) -> str:
    """The condition that the exchange request `r` is addressed to the caller."""
    return f"r.addressed_to @> ARRAY[{arg(caller.organization)}::text]" if caller.is_member else "FALSE"


def request_answered(caller: Caller, arg: Arguments, *, accepted: bool = False) -> str:
    """The condition that the caller's city has answered the exchange request `r`; with `accepted`: is its match."""
    if not caller.city_id:
        return "FALSE"
    standing = " AND a.status = 'accepted'" if accepted else ""
    return f"r.id IN (SELECT a.request_id FROM response a WHERE a.city_id = {arg(caller.city_id)}{standing})"


def request_visible(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller sees the exchange request `r`; one's own are seen with every token."""
    if caller.is_operator:
        return "TRUE"
    own = request_owned(caller, arg)
    if not caller.may("exchanges:read") and not caller.may("exchanges:write"):
        return f"(r.visibility = 'public' OR {own})"
    concerned = f"{own} OR {request_addressed(caller, arg)} OR {request_answered(caller, arg)}"
    return f"(r.visibility IN ('public', 'members') OR {concerned})"


def response_visible(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller sees the answer `s` to `r`: the city that asked all, one that answered its own."""
    own = f"s.city_id = {arg(caller.city_id)}" if caller.city_id else "FALSE"
    return f"({request_owned(caller, arg)} OR {own})"


def message_visible(caller: Caller, arg: Arguments) -> str:
    """The condition that the caller reads what was said about the answer `s` to `r`: nobody but the two cities."""
    if not caller.city_id:
        return "FALSE"
    city = arg(caller.city_id)
    return f"(r.city_id = {city} OR s.city_id = {city})"


def practice_told(caller: Caller, arg: Arguments, step: str) -> str:
    """The condition that the caller is told the note of a `step` of the practice `p`; an end's is everyone's."""
    return f"({step}.to_status IN ('withdrawn', 'merged') OR {practice_concerns(caller, arg)})"


def request_told(caller: Caller, arg: Arguments, step: str) -> str:
    """The condition that the caller is told what was said with a `step` of the exchange request `r`.

    It was said to its city, to those addressed when it is returned, to the match in what they do together.
    """
    together = "('in_progress', 'completed', 'cancelled')"
    told = [
        request_owned(caller, arg),
        f"({step}.to_status = 'returned' AND {request_addressed(caller, arg)})",
        f"({step}.to_status IN {together} AND {request_answered(caller, arg, accepted=True)})",
    ]
    if caller.is_member:
        told.append(f"{step}.organization = {arg(caller.organization)}")
    return f"({' OR '.join(told)})"


def step_reason_told(told: str, step: str) -> str:
    """The condition that the caller is told the reason of a `step`: everybody, but of a step back who is `told`."""
    return f"(NOT coalesce({step}.from_status = 'matched' AND {step}.to_status = 'open', FALSE) OR {told})"
