"""Limits and retries that a caller can set, asked before anything is allocated or sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinycog.errors import LimitError


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How long a request is tried, where the failure may pass (http.retry).

    Attributes:
        tries: how often it is sent at most; 1 = never again.
        seconds: for all tries and pauses together; each KiB that comes gives one more.
        silence: seconds without any byte after which a try is given up.
        first_delay: the first pause is up to so many seconds; each next one up to twice as many.
        most_delay: the longest pause, but for a longer `Retry-After`.
    """

    tries: int = 6
    seconds: float = 30.0
    silence: float = 10.0
    first_delay: float = 0.25
    most_delay: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Guards against files and servers that ask for too much, asked before anything is allocated.

    Attributes:
        ifds: IFDs of one file, sub-IFDs counted.
        entries: entries of one IFD (libtiff allows 4096).
        value_bytes: bytes of one tag's value, when it is read whole.
        tile_bytes: bytes of one tile or strip, encoded or decoded.
        result_bytes: bytes of the result of one read, and of the pixels that are read for it.
        tiles: stored tiles of one read.
        modest_bytes: bytes of pixels that any file may give in one read, and any tile, however few
            bytes of it are stored; an eighth of it where decoding is slow.
        ratio: bytes of pixels for each byte that is stored, where they are more than that.
        overlap: how often all bytes of the file may be decoded in one read: tiles may share bytes.
        header_requests: requests for the header, from where on the chain of IFDs is cut.
        requests: requests of one call, tries not counted: for the header, or for pixels.
        unsafe_codecs: whether to decode JPEG XR too: hostile bytes can make its decoder crash the
            process.
        retries: how long a request is tried.
        whole_bytes: bytes of an object that are taken whole where a server sends it instead of a
            range; 0 = refuse that.
        redirects: how many are followed, one after the other.
        insecure_redirects: whether one from https to http is followed.
    """

    ifds: int = 4096
    entries: int = 4096
    value_bytes: int = 16 << 20
    tile_bytes: int = 256 << 20
    result_bytes: int = 16 << 30
    tiles: int = 1 << 16
    modest_bytes: int = 128 << 20
    ratio: int = 250
    overlap: int = 4
    header_requests: int = 24
    requests: int = 1 << 16
    unsafe_codecs: bool = False
    retries: Retries = field(default_factory=Retries)
    whole_bytes: int = 16 << 20
    redirects: int = 5
    insecure_redirects: bool = False

    def check(self, limit: str, asked: int, what: str) -> None:
        """Raise `LimitError` if `asked` is more than the limit of that name allows."""
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
