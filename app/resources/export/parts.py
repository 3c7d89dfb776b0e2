"""The parts of an export, in the order in which they can be taken back.

The members of a line are the columns of its table, so that what is added to a table is in the export and is taken back
without another word; only what the database itself derives is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Table
from sqlmodel import SQLModel

from app.tables.adoption import Adoption
from app.tables.exchange import ExchangeRequest, Message, Response
from app.tables.history import Transition
from app.tables.places import City, Membership, Network
from app.tables.practice import (
    Practice,
    PracticeEndorsement,
    PracticeExternalId,
    PracticeOrigin,
    PracticeTranslation,
    PracticeVersion,
)
from app.tables.tag import Tag, TagRelation

# Triggers keep these true.
KEPT_BY_TRIGGERS = frozenset({"tag_closure"})


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a table class."""
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    assert isinstance(table, Table)  # noqa: S101 - the metadata holds tables
    return table


def stored(model: type[SQLModel], *, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The columns of a table that are not derived from others."""
    return tuple(
        column.name
        for column in table_of(model).columns
        if column.computed is None and column.name not in KEPT_BY_TRIGGERS and column.name not in without
    )


@dataclass(frozen=True, slots=True)
class Child:
    """What hangs on a record, as a list in its line.

    Attributes:
        model: its table class.
        owner: its column that names the record.
        order: in which order it is listed.
        without: columns that mean nothing elsewhere.
        condition: which rows, beside that they are the record's; for tables that several kinds of records share.
        is_history: it only grows, and nothing of it is ever changed.
    """

    model: type[SQLModel]
    owner: str
    order: str
    without: tuple[str, ...] = ()
    condition: str = "TRUE"
    is_history: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The members of an entry."""
        return stored(self.model, without=(self.owner, *self.without))


@dataclass(frozen=True, slots=True)
class Part:
    """All records of one kind.

    Attributes:
        name: the `type` of its lines.
        model: its table class.
        alias: what its rows are called in the conditions.
        children: what hangs on a record, each by its member's name.
        keys: the columns that tell one record from another.
    """

    name: str
    model: type[SQLModel]
    alias: str
    children: Mapping[str, Child] = field(default_factory=dict)
    keys: tuple[str, ...] = ("id",)

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.model.__tablename__)

    @property
    def columns(self) -> tuple[str, ...]:
        """The members of a line that are columns."""
        return stored(self.model)


def _timeline(record_type: str) -> Child:
    return Child(Transition, "record_id", "x.id", ("record_type",), f"x.record_type = '{record_type}'", is_history=True)


PARTS: tuple[Part, ...] = (
    Part("tag", Tag, "t", {"related": Child(TagRelation, "tag_id", "x.related_id")}),
    Part("network", Network, "n"),
    Part("city", City, "c"),
    Part("membership", Membership, "m", keys=("network_id", "city_id")),
    Part(
        "practice",
        Practice,
        "p",
        {
            "external_ids": Child(PracticeExternalId, "practice_id", "x.id", ("id",)),
            "origins": Child(PracticeOrigin, "practice_id", "x.network_id"),
            "translations": Child(PracticeTranslation, "practice_id", "x.language"),
            "endorsements": Child(PracticeEndorsement, "practice_id", "x.at, x.organization"),
            "versions": Child(PracticeVersion, "practice_id", "x.version", is_history=True),
            "timeline": _timeline("practice"),
        },
    ),
    Part("exchange_request", ExchangeRequest, "r", {"timeline": _timeline("exchange_request")}),
    Part("response", Response, "s", {"timeline": _timeline("response")}),
    Part("message", Message, "m"),
    Part("adoption", Adoption, "a"),
)
