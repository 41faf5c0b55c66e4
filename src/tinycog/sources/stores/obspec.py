"""How ranges of an object are read by a store with obspec's methods (store.obspec)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from tinycog.errors import RangeMismatchError, RangeUnsupportedError
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.response import check_identity
from tinycog.sources.memory import immutable_view
from tinycog.sources.protocol import RangeSink, check_length
from tinycog.sources.stores.answer import ObjectRead, ask, begin_answer, check_unchanged
from tinycog.sources.stores.names import names_of, size_of
from tinycog.sources.stores.threads import in_thread

CHUNK_BYTES = 1 << 16
"""Bytes that a stream brings at once, at least: few enough that they are seen to come."""

METHODS = ("get_async", "get", "get_range_async", "get_range", "get_ranges_async", "get_ranges")
"""Methods that read, the best first: the first two tell of which object the bytes are."""


class AnswerHead(NamedTuple):
    """What an answer tells of its object, before its bytes.

    Attributes:
        size: length of the object, None if it is not told.
        names: names of its generation by kind.
        length: bytes of the range that the object has.
    """

    size: int | None
    names: Mapping[str, str]
    length: int


def method_of(store: object) -> str:
    """Return the name of the method that a store is read by, "" if it has none."""
    return next((name for name in METHODS if callable(getattr(store, name, None))), "")


async def read(wanted: ObjectRead, sink: RangeSink) -> None:
    """Read a range into a sink, by the best method that the store has.

    Raises:
        ReplacedError, SourceChangedError: the object was replaced.
        UsageError: a generation is wanted, and none is told.
        RangeMismatchError, RangeUnsupportedError: something else was sent.
        Exception: whatever the store raises.
    """
    method = method_of(wanted.fs)
    if method == "get_async":
        await _read_async(wanted, sink)
    elif method == "get":
        head, data = await ask(wanted, lambda etag: in_thread(partial(_get, wanted, etag)))
        _pass_on(wanted, head, data, sink)
    else:
        data = immutable_view(memoryview(await _bytes_alone(wanted, method)))
        size = wanted.part.start + len(data) if 0 < len(data) < wanted.part.length else None
        _pass_on(wanted, AnswerHead(size, {}, wanted.part.length), data, sink)


# --- answers that tell of their object -----------------------------------------------------------


async def _read_async(wanted: ObjectRead, sink: RangeSink) -> None:
    """Pass on the bytes of a stream as they come, those of any other answer when all are there.

    The last ones wait for the end of the stream, which may bring too many.
    """
    result, head = await ask(wanted, partial(_get_async, wanted))
    if not hasattr(result, "stream"):
        _pass_on(wanted, head, await _all_of(result), sink)
        return
    _begin(wanted, head, sink)
    left, held = head.length, memoryview(b"")
    async for chunk in result.stream(min_chunk_size=CHUNK_BYTES):
        wanted.arrived(len(chunk))
        left -= len(chunk)
        if left < 0:
            message = f"more than the {head.length} bytes came that were asked"
            raise RangeMismatchError(message, url=wanted.name, range=wanted.part)
        if held:
            sink.write(held)
        held = immutable_view(memoryview(chunk))
    sink.write(held)


async def _get_async(wanted: ObjectRead, etag: str | None) -> tuple[Any, AnswerHead]:
    result = await wanted.fs.get_async(wanted.path, options=_options(wanted, etag))
    return result, _head_of(wanted, etag, result)


def _get(wanted: ObjectRead, etag: str | None) -> tuple[AnswerHead, memoryview]:
    result = wanted.fs.get(wanted.path, options=_options(wanted, etag))
    head = _head_of(wanted, etag, result)
    collect = getattr(result, "buffer", None) or getattr(result, "bytes", None)
    data = b"".join(result) if collect is None else collect()
    return head, immutable_view(memoryview(data))


async def _all_of(result: Any) -> memoryview:  # noqa: ANN401 - obspec's, by structure
    collect = getattr(result, "buffer_async", None) or getattr(result, "bytes_async", None)
    data = b"".join([chunk async for chunk in result]) if collect is None else await collect()
    return immutable_view(memoryview(data))


def _options(wanted: ObjectRead, etag: str | None) -> dict[str, object]:
    options: dict[str, object] = {"range": (wanted.part.start, wanted.part.stop)}
    return options if etag is None else options | {"if_match": etag}


def _head_of(wanted: ObjectRead, etag: str | None, result: Any) -> AnswerHead:  # noqa: ANN401 - obspec's, by structure
    """Return what an answer tells, held against what was asked.

    Raises:
        ReplacedError: it is of another generation.
        RangeMismatchError: another range was sent, or an encoded one.
        RangeUnsupportedError: the whole object was sent.
    """
    meta: Mapping[str, object] = result.meta
    facts = {name: meta.get(name) for name in ("e_tag", "last_modified")}
    names = names_of({**facts, "version_id": meta.get("version")})
    check_unchanged(wanted, etag, names)
    name, part, size = wanted.name, wanted.part, size_of(meta)
    attributes: Mapping[str, object] = getattr(result, "attributes", None) or {}
    coding = attributes.get("Content-Encoding")
    if coding is not None:
        check_identity(name, part, Fields([("Content-Encoding", str(coding))]))
    stop = part.stop if size is None else min(part.stop, size)
    sent = getattr(result, "range", None)
    if sent is not None and (sent[0], min(sent[1], stop)) != (part.start, stop):
        if (sent[0], sent[1]) == (0, size):
            message = "the store ignores ranges and sent the whole object"
            raise RangeUnsupportedError(message, url=name, range=part)
        message = f"the store sent bytes {sent[0]} to {sent[1]}"
        raise RangeMismatchError(message, url=name, range=part)
    return AnswerHead(size, names, max(stop - part.start, 0))


# --- bytes alone ---------------------------------------------------------------------------------


async def _bytes_alone(wanted: ObjectRead, method: str) -> Any:  # noqa: ANN401 - any buffer
    """Return the bytes of a range by a method whose answer tells of no object."""
    part = wanted.part
    call = partial(getattr(wanted.fs, method), wanted.path)
    if "ranges" in method:
        call = partial(call, starts=[part.start], ends=[part.stop])
    else:
        call = partial(call, start=part.start, end=part.stop)
    found = await call() if method.endswith("_async") else await in_thread(call)
    return found[0] if "ranges" in method else found


# --- passed on -----------------------------------------------------------------------------------


def _begin(wanted: ObjectRead, head: AnswerHead, sink: RangeSink) -> None:
    begin_answer(sink, wanted.name, "the store", head.size, head.names)


def _pass_on(wanted: ObjectRead, head: AnswerHead, data: memoryview, sink: RangeSink) -> None:
    check_length(wanted.name, wanted.part, data)
    _begin(wanted, head, sink)
    sink.write(data)
