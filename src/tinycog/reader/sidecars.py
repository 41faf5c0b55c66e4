"""Read the files beside a TIFF, all in one batch: `tinycog.open(..., sidecars=True)`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tinycog.errors import (
    AccessDeniedError,
    Finding,
    NotFoundError,
    RangeNotSatisfiableError,
    TruncatedError,
    UnsupportedError,
)
from tinycog.fetch.attempt import Request
from tinycog.fetch.fetcher import Fetcher
from tinycog.limits import Limits
from tinycog.sources.protocol import Source
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need

if TYPE_CHECKING:
    from tinycog.geo.sidecars import Beside

FIRST_BYTES = 1 << 16
"""Bytes that are requested of each first: nearly always all that it has."""

PAM = ".aux.xml"
NOT_READ = {".ovr": "overviews", ".msk": "a mask"}
"""Sidecars that are refused, and what they hold."""

TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of what GDAL reads as overviews or a mask."""

UNAUTHORIZED = 401


class Sidecars:
    """The files beside a TIFF."""

    def __init__(self, sources: Mapping[str, Source], limits: Limits) -> None:
        """Keep the sources, by what their names end with; nothing is read.

        World files stand in the order in which GDAL prefers them.
        """
        self._limits = limits
        self._fetchers = {ending: Fetcher(source, limits) for ending, source in sources.items()}

    @property
    def log(self) -> list[Request]:
        """The requests so far, each with the file's ending."""
        return [
            request._replace(sidecar=ending)
            for ending, fetcher in self._fetchers.items()
            for request in fetcher.log
        ]

    async def read(self) -> Beside:
        """Read all that exist, side by side; those that are not found are absent.

        Raises:
            UnsupportedError: one exists that is not read.
            SourceError: whether it exists cannot be known, or it cannot be read.
            LimitError: it is longer than `Limits.value_bytes`.
        """
        from tinycog.geo.sidecars import Beside, parse_pam, parse_world  # noqa: PLC0415 - only here

        findings: list[Finding] = []
        tasks = [asyncio.ensure_future(self._read(ending, findings)) for ending in self._fetchers]
        try:
            found = dict(zip(self._fetchers, await asyncio.gather(*tasks), strict=True))
        finally:
            for task in tasks:
                task.cancel()
        for ending, what in NOT_READ.items():
            head, name = found.get(ending), self._fetchers[ending].name
            if head is None:
                continue
            if head[:4] not in TIFF_HEADS:  # a page that says that nothing is found, for one
                text = f"{name} starts with {head[:4]!r}, which is no TIFF; it is ignored"
                findings.append(Finding("gdal.sidecar.names", text))
                continue
            message = (
                f"{name} exists: {what} in a file beside is not supported; leave out sidecars=True"
            )
            raise UnsupportedError(message, feature="sidecar", value=ending)
        data = found.pop(PAM, None)
        pam = None if data is None else parse_pam(data)
        world = None
        for ending, data in found.items():
            if data is not None and ending not in NOT_READ and world is None:
                world, flaws = parse_world(self._fetchers[ending].name, data)
                findings += flaws
        findings += () if pam is None else pam.findings
        return Beside(pam, world, tuple(findings))

    async def _read(self, ending: str, findings: list[Finding]) -> bytes | None:
        """Return the bytes of a file, None if there is none; of those not read, a few."""
        fetcher = self._fetchers[ending]
        parser = _parse_whole(fetcher.buffer, self._limits, only_head=ending in NOT_READ)
        try:
            return await fetcher.drive(parser)
        except NotFoundError:
            return None
        except AccessDeniedError as exc:
            if exc.status == UNAUTHORIZED:
                raise
            text = f"{fetcher.name} may not be read, and is taken for absent: {exc}"
            findings.append(Finding("gdal.sidecar.names", text))
            return None

    async def aclose(self) -> None:
        """Close the sources; a later read opens them again."""
        for fetcher in self._fetchers.values():
            await fetcher.aclose()


def _parse_whole(buffer: SparseBuffer, limits: Limits, *, only_head: bool) -> Steps[bytes]:
    """Return all bytes of a file, whose size may not be known; or some, to know that it exists."""
    stop = 0
    try:
        while buffer.size is None or stop < buffer.size:
            stop = buffer.size or max(2 * stop, FIRST_BYTES)
            limits.check("value_bytes", stop, "bytes of a file beside")
            yield from need(buffer, [ByteRange(0, stop)])
            if only_head:
                break
    except (TruncatedError, RangeNotSatisfiableError):  # it is empty, or ends where a request did
        pass
    held = sum(len(data) for _, data in buffer.parts())
    return bytes(buffer.read(0, held))
