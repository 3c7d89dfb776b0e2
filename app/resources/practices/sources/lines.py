"""A body of many lines, read as it comes: inflated within bounds, cut into lines, each checked by itself."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import zstandard
from pydantic import TypeAdapter, ValidationError

from app.errors import MalformedJson, Problem, UnsupportedMediaType, error
from app.fields import Identifier
from app.resources.practices.sources.records import Record
from app.resources.practices.sources.schemas import SourcePractice
from app.web.bodies import parse_json
from app.web.problems import invalid_input

LONGEST_LINE = 256 * 1024
PIECE = 64 * 1024
SMALLEST_PORTION = 16
ZSTD_WINDOW = 8 * 1024 * 1024
_external_id = TypeAdapter(Identifier)


class _Decoder(Protocol):
    @property
    def is_complete(self) -> bool:
        """Whether what was compressed has come to its end."""

    def pieces(self, data: bytes) -> Iterable[bytes]:
        """The data, inflated, in pieces of a bounded size."""


class _Plain:
    is_complete = True

    def pieces(self, data: bytes) -> list[bytes]:
        return [data]


class _Gzip:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._is_empty = True

    @property
    def is_complete(self) -> bool:
        return self._is_empty or self._inflate.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            self._is_empty = False
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(wbits=31)
            yield self._inflate.decompress(data, PIECE)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data


class _Zstd:
    def __init__(self) -> None:
        self._inflate = self._frame()
        self._is_empty = True
        self._portion = SMALLEST_PORTION

    @property
    def is_complete(self) -> bool:
        return self._is_empty or self._inflate.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        # The library has no bound for what comes out, so what goes in is measured by what came out before.
        while data:
            self._is_empty = False
            if self._inflate.eof:
                self._inflate = self._frame()
            portion, data = data[: self._portion], data[self._portion :]
            piece = self._inflate.decompress(portion)
            yield piece
            data = self._inflate.unused_data + data
            is_growing = len(piece) > PIECE
            self._portion = max(SMALLEST_PORTION, self._portion // 4) if is_growing else min(PIECE, self._portion * 2)

    @staticmethod
    def _frame() -> "zstandard.ZstdDecompressionObj":
        return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj(write_size=PIECE)


DECODERS: dict[str, type[_Plain | _Gzip | _Zstd]] = {"": _Plain, "identity": _Plain, "gzip": _Gzip, "zstd": _Zstd}


@dataclass(slots=True)
class Line:
    """A line of the body: a record, or why it is none."""

    number: int
    record: Record | None
    external_id: str | None
    errors: list[dict[str, str]]


def decoder_of(content_encoding: str) -> _Decoder:
    """What inflates a body; raises UnsupportedMediaType for a coding that is not known."""
    kind = DECODERS.get(content_encoding.strip().lower())
    if kind is None:
        raise UnsupportedMediaType(
            "Send the body as it is, or with gzip or zstd.", headers={"Accept-Encoding": "gzip, zstd"}
        )
    return kind()


async def lines_of(stream: AsyncIterator[bytes], decoder: _Decoder) -> AsyncIterator[tuple[int, bytes | None]]:
    """The lines of a body with their numbers, from 1; None for one that is too long. Empty ones are left out.

    Raises:
        MalformedJson: the body does not inflate, or breaks off before its compressed data end.
    """
    rest, number, is_too_long = b"", 0, False
    async for piece in _inflated(stream, decoder):
        if not piece.strip() and not rest and not is_too_long:
            # Little can inflate to very many empty lines: they are counted at once.
            number += piece.count(b"\n")
            continue
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            if is_too_long or len(line) > LONGEST_LINE:
                yield number, None
            elif line.strip():
                yield number, line
            is_too_long = False
        if len(rest) > LONGEST_LINE:
            is_too_long = True
        if is_too_long:
            rest = b""
    if is_too_long or rest.strip():
        yield number + 1, None if is_too_long else rest


async def _inflated(stream: AsyncIterator[bytes], decoder: _Decoder) -> AsyncIterator[bytes]:
    try:
        async for data in stream:
            for piece in decoder.pieces(data):
                yield piece
                # What inflates to a thousand times its size holds up nobody else.
                await asyncio.sleep(0)
    except (zlib.error, zstandard.ZstdError) as reason:
        raise MalformedJson("The body does not inflate.") from reason
    if not decoder.is_complete:
        raise MalformedJson("The body breaks off before its compressed data end.")


def checked(number: int, raw: bytes | None) -> Line:
    """Check one line in itself."""
    external_id = None
    try:
        if raw is None:
            raise MalformedJson(f"The line is longer than {LONGEST_LINE} bytes.")
        given = parse_json(raw)
        if not isinstance(given, dict):
            raise MalformedJson("A line is an object.")
        name = given.pop("external_id", None)
        if name is None:
            detail = "Each line has the network's own id of the record."
            return Line(number, None, None, [error("/external_id", "missing", detail)])
        try:
            external_id = _external_id.validate_python(name)
        except ValidationError as reason:
            fault = reason.errors(include_url=False, include_context=False, include_input=False)[0]
            return Line(number, None, None, [error("/external_id", fault["type"], fault["msg"])])
        return Line(number, Record(external_id, SourcePractice.model_validate(given)), external_id, [])
    except ValidationError as reason:
        return Line(number, None, external_id, invalid_input(reason).errors)
    except Problem as reason:
        return Line(number, None, external_id, reason.errors or [error("", reason.slug, reason.detail)])
