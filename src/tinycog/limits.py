"""Limits and retries that a caller can set; limits are checked before anything is allocated."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from tinycog.errors import LimitError
from tinycog.records import dataclass

LimitName = Literal[
    "ifds",
    "entries",
    "value_bytes",
    "index_bytes",
    "tile_bytes",
    "result_bytes",
    "tiles",
    "modest_bytes",
    "ratio",
    "overlap",
    "header_requests",
    "requests",
    "whole_bytes",
    "redirects",
]
"""Fields of `Limits` that are numbers."""


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How long a request is retried after a transient failure (http.retry).

    Attributes:
        tries: attempts at most; 1 = no retry. One that a server refused as too many is not counted
            if it told when to come back, or answered others meanwhile (http.retry.throttle).
        seconds: for all attempts and pauses together; each KiB received adds one second.
        silence: read timeout of an attempt: seconds without any byte.
        first_delay: upper bound of the first pause in seconds; it doubles with each attempt.
        most_delay: upper bound of every pause in seconds; a longer `Retry-After` is obeyed.
    """

    tries: int = 6
    seconds: float = 30.0
    silence: float = 10.0
    first_delay: float = 0.25
    most_delay: float = 8.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Guards against files and servers that ask for too much, checked before anything is allocated.

    Attributes:
        ifds: IFDs of one file, SubIFDs included.
        entries: entries of one IFD (libtiff allows 4096).
        value_bytes: bytes of one tag's value, where it is read whole.
        index_bytes: bytes of the index of all images, where `validate` looks at every tile.
        tile_bytes: bytes of one tile or strip, encoded or decoded; windows of larger ones are read
            where they can be decoded by rows, or in pieces (tiff.tile.rows).
        result_bytes: bytes of the result of one read, and of the pixels read for it.
        tiles: stored tiles of one read.
        modest_bytes: bytes of pixels that one read, or one tile, may always have, however few bytes
            are stored; an eighth of it for codecs that decode slowly.
        ratio: bytes of pixels for each stored byte, above `modest_bytes`.
        overlap: decoded input of one read, as a multiple of the file's size: tiles may share bytes.
        header_requests: requests for the header; the chain of IFDs is cut there.
        requests: requests of one call, for the header or for pixels; retries do not count.
        unsafe_codecs: decode JPEG XR too: hostile bytes can make its decoder crash the process.
        retries: how long a request is retried.
        whole_bytes: length up to which a whole object is accepted where a range was requested;
            0 = never.
        redirects: redirects followed in a row.
        insecure_redirects: follow redirects from https to http.
    """

    ifds: int = 4096
    entries: int = 4096
    value_bytes: int = 16 << 20
    index_bytes: int = 256 << 20
    tile_bytes: int = 256 << 20
    result_bytes: int = 16 << 30
    tiles: int = 1 << 16
    modest_bytes: int = 1 << 30
    ratio: int = 250
    overlap: int = 4
    header_requests: int = 24
    requests: int = 1 << 16
    unsafe_codecs: bool = False
    retries: Retries = field(default_factory=Retries)
    whole_bytes: int = 16 << 20
    redirects: int = 5
    insecure_redirects: bool = False

    def check(self, limit: LimitName, asked: int, what: str) -> None:
        """Check a number, of `what`, against the limit of that name.

        Raises:
            LimitError: `asked` is more than the limit allows.
        """
        allowed: int = getattr(self, limit)
        if asked > allowed:
            message = f"{what}: {asked} is over the limit of {allowed} (Limits.{limit})"
            raise LimitError(message, limit=limit, asked=asked, allowed=allowed)

    def check_ratio(self, asked: int, stored: int, what: str, weight: int = 1) -> None:
        """Raise `LimitError` if pixels take too many bytes for those stored (tiff.decode.ratio).

        Args:
            asked: bytes of the decoded pixels.
            stored: encoded bytes that they come from.
            what: what is decoded, for the message.
            weight: how many times longer than others the pixels take to decode.

        Raises:
            LimitError: `asked` is over `ratio` times `stored`, and over `modest_bytes / weight`.
        """
        allowed = max(self.modest_bytes // weight, self.ratio * stored)
        if asked > allowed:
            message = (
                f"{what}: {asked} of {stored} stored bytes are over the limit of {allowed}"
                " (Limits.ratio, Limits.modest_bytes)"
            )
            raise LimitError(message, limit="ratio", asked=asked, allowed=allowed)
