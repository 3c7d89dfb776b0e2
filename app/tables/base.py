"""What all tables share: the metadata with its naming convention, and the column shapes."""

from typing import Any, get_args

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

CHECK = "check"


def words(name: str, *, length: int | None = None, nullable: bool = False, **options: Any) -> Any:
    """A text column; `length` becomes a CHECK of the same name, so that no second unit of length exists."""
    info = {CHECK: (f"{name}_length", f"char_length({name}) <= {length}")} if length else {}
    return Column(name, Text, nullable=nullable, info=info, **options)


def reference(name: str, target: str, *, nullable: bool = False, **options: Any) -> Any:
    """A text column with a foreign key that forbids the deletion of what it names."""
    return Column(name, Text, ForeignKey(target, ondelete="RESTRICT"), nullable=nullable, **options)


def choice(name: str, values: Any, *, nullable: bool = False, **options: Any) -> Any:
    """A text column that takes one of a Literal's values."""
    listed = ", ".join(f"'{value}'" for value in get_args(values))
    return Column(name, Text, nullable=nullable, info={CHECK: (name, f"{name} IN ({listed})")}, **options)


def choices(name: str, values: Any) -> Any:
    """A text array whose elements are among a Literal's values."""
    listed = ", ".join(f"'{value}'" for value in get_args(values))
    info = {CHECK: (name, f"{name} <@ ARRAY[{listed}]::text[]")}
    return Column(name, ARRAY(Text), nullable=False, server_default="{}", info=info)


def text_array(name: str) -> Any:
    """A text array that is empty, never null."""
    return Column(name, ARRAY(Text), nullable=False, server_default="{}")


def json_value(name: str, default: str | None = None) -> Any:
    """A jsonb column; with a default it is never null."""
    return Column(name, JSONB, nullable=default is None, server_default=default)


def moment(name: str, *, nullable: bool = False, now: bool = False, **options: Any) -> Any:
    """A point in time, UTC."""
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default, **options)


def state_checks() -> None:
    """Give the tables the CHECKs that their columns ask for; migrations only see those of a table."""
    for table in SQLModel.metadata.tables.values():
        for column in table.columns:
            if CHECK in column.info:
                name, condition = column.info[CHECK]
                table.append_constraint(CheckConstraint(condition, name=name))
