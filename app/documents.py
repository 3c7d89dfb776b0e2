"""JSON documents built by PostgreSQL, with the members of a read model.

The read model says which members a document has and in which order; a statement must give an expression for exactly
these, so that SQL and the OpenAPI document cannot drift apart: a difference raises when the module is imported.
"""

from collections.abc import Mapping

from pydantic import BaseModel


def columns(model: type[BaseModel], expressions: Mapping[str, str]) -> str:
    """The SELECT list of a row that `row_to_json` turns into the model's document.

    Args:
        model: the read model.
        expressions: an SQL expression for each of its fields.

    Raises:
        TypeError: a field has no expression, or an expression no field.
    """
    if missing := model.model_fields.keys() ^ expressions.keys():
        message = f"{model.__name__} and its SQL differ in {sorted(missing)}"
        raise TypeError(message)
    return ", ".join(f'{expressions[name]} AS "{name}"' for name in model.model_fields)


def same(alias: str, *names: str) -> dict[str, str]:
    """Members that are columns of the same name."""
    return {name: f"{alias}.{name}" for name in names}


def moment(expression: str) -> str:
    """A timestamp as RFC 3339 in UTC with milliseconds and `Z`."""
    return f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


def city_ref(alias: str) -> str:
    """A CityRef from a row of `city`."""
    return f"json_build_object('id', {alias}.id, 'name', {alias}.name, 'country', {alias}.country)"


def text_of(select_list: str) -> str:
    """A statement's expression: the document with these members, as text."""
    return f"(SELECT row_to_json(d)::text FROM (SELECT {select_list}) d)"


def text_unless_known(select_list: str, known: str) -> str:
    """The same, but null where the entity tag `e.etag` is among the `known` ones, a placeholder (304)."""
    is_known = f"e.etag = ANY ({known}::text[]) OR '*' = ANY ({known}::text[])"
    return f"CASE WHEN {is_known} THEN NULL ELSE {text_of(select_list)} END"
