"""Exceptions, and findings about a file.

Six branches, because a caller does six different things::

    TinycogError
    ├── FormatError(ValueError)             the file breaks a rule: .finding
    │   ├── NotTiffError                    not a TIFF at all
    │   ├── TruncatedError                  bytes that the file refers to lie beyond its end
    │   └── CorruptTileError                .level .x .y: a tile does not decode as its tags say
    ├── UnsupportedError(NotImplementedError)   legal, but not supported: .feature .value
    ├── LimitError(ValueError)              a limit was exceeded: .limit .asked .allowed
    ├── WriteError                          a tile cannot be written: .level .x .y
    ├── UsageError(ValueError)              the call is wrong
    │   ├── TileIndexError(IndexError)      there is no such level or tile
    │   ├── MosaicError                     files that are no one image: .findings
    │   └── TargetExistsError(FileExistsError)  what is to be written is there already
    └── SourceError(OSError)                the bytes could not be read: .url .range
        ├── NotFoundError                   404, 410, no such file
        ├── AccessDeniedError               401, 403
        ├── RangeUnsupportedError           the whole object was sent instead of a range
        ├── RangeMismatchError              another range was sent than was requested
        ├── RangeNotSatisfiableError        416
        ├── SourceChangedError              the object is not the one that was opened
        ├── SourceTimeoutError(TimeoutError)    the server did not respond in time
        ├── SourceBusyError                 429, 503
        └── TooLargeError                   413: a request asks for too much at once

Whatever the bytes and whatever the server, the outcome is a correct result or one of these.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

_shown_whole: set[str] = set()


def show_urls(*, whole: bool = True) -> None:
    """Show urls whole in messages, names and `repr`, with their credentials; for debugging only.

    By default they are shown without user, password, query and fragment (http.secrets). It holds
    for the whole process, and for what is made from then on.
    """
    (_shown_whole.add if whole else _shown_whole.discard)("urls")


def shows_urls() -> bool:
    """Return whether urls are shown whole."""
    return "urls" in _shown_whole


def show_tracebacks(*, whole: bool = True) -> None:
    """Show tracebacks whole, with the frames inside of tinycog and all causes; for debugging.

    By default an error leaves tinycog without them. It holds for the whole process; so does the
    environment variable `TINYCOG_TRACEBACKS=whole`.
    """
    (_shown_whole.add if whole else _shown_whole.discard)("tracebacks")


def shows_tracebacks() -> bool:
    """Return whether tracebacks are shown whole."""
    return "tracebacks" in _shown_whole


if os.environ.get("TINYCOG_TRACEBACKS") == "whole":
    show_tracebacks()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a file that breaks a rule, whether or not it can be read.

    Attributes:
        rule: id of the rule, as listed in `spec/rules.md` (`tiff.ifd.loop`).
        message: what was found and what was expected, in one line.
        offset: absolute byte position, or None.
        ifd: absolute byte position of the IFD concerned, or None.
    """

    rule: str
    message: str
    offset: int | None = None
    ifd: int | None = None

    def __str__(self) -> str:
        """Return message, position and rule in one line."""
        at = "" if self.offset is None else f" at byte {self.offset}"
        return f"{self.message}{at} [{self.rule}]"


class TinycogError(Exception):
    """Base class of all errors that tinycog raises.

    Attributes:
        name: the file, where the message names it: url without credentials, or path.
        asset: name of the asset of a collection that was read, "" for another file.
    """

    name: str = ""
    asset: str = ""

    def name_file(self, name: str) -> None:
        """Add the file to the message, unless that names it."""
        if not self.name:
            self.name = name
            if name not in str(self):
                self.args = (f"{self}: {name}",)

    def name_asset(self, asset: str, indexed: str | None = None) -> None:
        """Add the asset of a collection to the message, and what was indexed (`url#generation`)."""
        if not self.asset:
            self.asset = asset
            what = "" if indexed is None else f", indexed as {indexed}"
            self.args = (f"asset {asset!r}{what}: {self}",)


class FormatError(TinycogError, ValueError):
    """The file breaks a rule, and cannot be read without it.

    Attributes:
        finding: the rule and the place, where known.
    """

    def __init__(self, message: str, *, finding: Finding | None = None) -> None:
        """Keep a finding beside the message."""
        super().__init__(message)
        self.finding = finding

    @classmethod
    def of(cls, finding: Finding) -> FormatError:
        """Make an error of a finding."""
        return cls(str(finding), finding=finding)


class NotTiffError(FormatError):
    """The file does not start as a TIFF or BigTIFF does."""


class TruncatedError(FormatError):
    """The file ends before bytes that it refers to."""


class CorruptTileError(FormatError):
    """The bytes of a tile do not decode to what its tags say.

    Attributes:
        level, x, y: the tile, where known (level 0 = full resolution; x, y in tiles).
    """

    level: int | None = None
    x: int | None = None
    y: int | None = None


class UnsupportedError(TinycogError, NotImplementedError):
    """The file is legal, but tinycog does not support it.

    Attributes:
        feature: what is not supported (`compression`).
        value: its value in the file (`34661`).
    """

    def __init__(self, message: str, *, feature: str = "", value: object = None) -> None:
        """Keep the feature and its value beside the message."""
        super().__init__(message)
        self.feature = feature
        self.value = value


class LimitError(TinycogError, ValueError):
    """A limit was exceeded, or there is no memory.

    Attributes:
        limit: name of the field of `Limits`, "" where memory was lacking.
        asked, allowed: in the unit of that field.
    """

    def __init__(self, message: str, *, limit: str = "", asked: int = 0, allowed: int = 0) -> None:
        """Keep the numbers beside the message."""
        super().__init__(message)
        self.limit = limit
        self.asked = asked
        self.allowed = allowed

    @classmethod
    def no_memory(cls, what: str) -> LimitError:
        """Make the error to raise from a `MemoryError`; `what` is what there is no memory for."""
        return cls(f"there is no memory for {what}")


class WriteError(TinycogError):
    """A tile cannot be written: nothing was published, unless `verify=True` found it afterwards.

    Attributes:
        level, x, y: the tile (level 0 = full resolution; x, y in tiles), where it is one.
    """

    level: int | None = None
    x: int | None = None
    y: int | None = None

    @classmethod
    def of_tile(
        cls, place: tuple[int, int, int], reason: str, name: str | None = None
    ) -> WriteError:
        """Make the error of a tile.

        Args:
            cls: the class.
            place: (level, x, y).
            reason: what is wrong.
            name: of the file, where it was written and the tile is not as it should be.

        Returns:
            The error.

        Raises:
            TypeError: the place is none.
        """
        level, x, y = place
        tile = f"level {level}, tile x={x}, y={y}"
        what = f"{tile} cannot be written" if name is None else f"{name} was written, but {tile}"
        error = cls(f"{what}: {reason}")
        error.level, error.x, error.y = level, x, y
        return error


class UsageError(TinycogError, ValueError):
    """The call is wrong; the message says what was expected."""


class TileIndexError(UsageError, IndexError):
    """The level or the tile does not exist."""


class MosaicError(UsageError):
    """Files do not fit to be read as one image.

    Attributes:
        findings: the rules that they break, each naming the files.
    """

    findings: tuple[Finding, ...] = ()

    @classmethod
    def of_findings(cls, findings: Sequence[Finding]) -> MosaicError:
        """Make the error of what files break."""
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        error = cls(f"the files do not make one image: {findings[0]}{more}")
        error.findings = tuple(findings)
        return error


class TargetExistsError(FileExistsError, UsageError):  # in this order its `__new__` is OSError's
    """What is to be written is there already, and must not be replaced."""

    @classmethod
    def of_target(cls, name: str) -> TargetExistsError:
        """Make the error; `name` is the target's, without secrets."""
        return cls(
            "it is there already, and overwrite is False: choose another name, or"
            f" overwrite=True: {name}"
        )


class SourceError(TinycogError, OSError):
    """The bytes could not be read.

    Attributes:
        url: the object, as passed to `tinycog.open`, without credentials.
        range: the requested bytes, half-open, or None.
        status: of the HTTP response, or None.
        may_pass: whether the failure is transient; it was retried as `Limits.retries` says.
        retry_after: the Retry-After header as sent, or None.
        date: the Date header as sent, or None: what a date in `retry_after` is held against.
        most_tries: attempts that such a failure is worth, or None: as `Limits.retries` says.
        tries: attempts that were made.
    """

    may_pass: bool = False
    status: int | None = None
    retry_after: str | None = None
    date: str | None = None
    most_tries: int | None = None
    tries: int = 1

    def __init__(
        self,
        message: str,
        *,
        url: str = "",
        range: tuple[int, int] | None = None,  # noqa: A002 - the word
    ) -> None:
        """Add the object and the range to the message."""
        where = "" if range is None else f" (bytes {range[0]} to {range[1]})"
        super().__init__(f"{message}: {url}{where}" if url else message)
        self.url = self.name = url
        self.range = range

    def gave_up(self, tries: int) -> None:
        """Add the number of attempts to the message, if there were several."""
        if tries > 1:
            self.tries = tries
            self.args = (f"{self} (tried {tries} times)",)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the finished message: `__init__` would add the object and the range again."""
        return (_restore, (type(self), str(self), dict(self.__dict__)))


def _restore(kind: type[SourceError], text: str, facts: dict[str, object]) -> SourceError:
    error = kind(text)
    error.__dict__.update(facts)
    return error


class NotFoundError(SourceError, FileNotFoundError):
    """The object does not exist."""


class AccessDeniedError(SourceError, PermissionError):
    """The credentials do not allow to read the object."""


class RangeUnsupportedError(SourceError):
    """The server sent the whole object instead of a range, and it is too long to accept."""


class RangeMismatchError(SourceError):
    """The server sent another range than was requested."""


class RangeNotSatisfiableError(SourceError):
    """The server reports that the range lies outside the object.

    Attributes:
        size: of the object in bytes, or None.
    """

    size: int | None = None


class SourceChangedError(SourceError):
    """The object is not the one that was opened: it was replaced or edited.

    Attributes:
        expected: the generation that was opened or demanded: a strong ETag, else Last-Modified, or
            a size ("1000 bytes").
        found: the generation now, or None if the server did not say.
    """

    expected: str | None = None
    found: str | None = None


class SourceTimeoutError(SourceError, TimeoutError):
    """The server did not respond in time."""


class SourceBusyError(SourceError):
    """The server is overloaded or limits requests: 429 or 503."""


class TooLargeError(SourceError):
    """The service refuses a request as too large: 413. Of a `Service`, halves are asked for."""
