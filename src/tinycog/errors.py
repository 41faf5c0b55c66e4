"""What can go wrong, and the guards against it.

Five branches, because a caller does five different things::

    TinycogError
    ├── FormatError(ValueError)             the file breaks a rule: .finding
    │   ├── NotTiffError                    not a TIFF at all
    │   ├── TruncatedError                  bytes that the file promises lie beyond its end
    │   └── CorruptTileError                .level .x .y: a tile's bytes are not what its tags say
    ├── UnsupportedError(NotImplementedError)   legal, not done here: .feature .value
    ├── LimitError(ValueError)              a guard said stop: .limit .asked .allowed
    ├── UsageError(ValueError)              the call is wrong
    │   └── TileIndexError(IndexError)      there is no such level or tile
    └── SourceError(OSError)                the wire: .url .range
        ├── NotFoundError                   404, 410, no such file
        ├── AccessDeniedError               401, 403
        ├── RangeUnsupportedError           the whole object came where a part was asked
        ├── RangeMismatchError              a part came, but not the one that was asked
        ├── RangeNotSatisfiableError        416
        ├── SourceChangedError              the object is not the one that was opened
        └── SourceTimeoutError(TimeoutError)

Whatever the bytes and whatever the server, the outcome is a right result or one of these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the file that breaks a rule, whether or not reading can go on.

    Attributes:
        rule: id of the rule, as `spec/rules.md` has it (`tiff.ifd.loop`).
        message: what was found and what was expected, one line.
        offset: absolute byte position, where one is known.
        ifd: absolute byte position of the IFD concerned, where there is one.
    """

    rule: str
    message: str
    offset: int | None = None
    ifd: int | None = None

    def __str__(self) -> str:
        """One line: message, rule and place."""
        at = "" if self.offset is None else f" at byte {self.offset}"
        return f"{self.message}{at} [{self.rule}]"


class TinycogError(Exception):
    """Base of every error that tinycog raises on purpose."""


class FormatError(TinycogError, ValueError):
    """The file breaks a rule that reading cannot do without."""

    def __init__(self, message: str, *, finding: Finding | None = None) -> None:
        """Keep the finding, if one is at hand, beside the message."""
        super().__init__(message)
        self.finding = finding

    @classmethod
    def of(cls, finding: Finding) -> FormatError:
        """Make the error that says what a finding says."""
        return cls(str(finding), finding=finding)


class NotTiffError(FormatError):
    """The first bytes are not those of a TIFF or BigTIFF."""


class TruncatedError(FormatError):
    """The file ends before bytes that it promises."""


class CorruptTileError(FormatError):
    """The bytes of a tile do not decode to what its tags promise.

    Attributes:
        level, x, y: the tile, where known (level 0 = full resolution; x, y in tiles).
    """

    level: int | None = None
    x: int | None = None
    y: int | None = None


class UnsupportedError(TinycogError, NotImplementedError):
    """The file is legal, but this is not done here.

    Attributes:
        feature: what (`compression`).
        value: which (`34661`).
    """

    def __init__(self, message: str, *, feature: str = "", value: object = None) -> None:
        """Name the feature and its value beside the message."""
        super().__init__(message)
        self.feature = feature
        self.value = value


class LimitError(TinycogError, ValueError):
    """A guard said stop.

    Attributes:
        limit: name of the field of `Limits`.
        asked, allowed: in the unit of that field.
    """

    def __init__(self, message: str, *, limit: str = "", asked: int = 0, allowed: int = 0) -> None:
        """Keep what was asked and what is allowed."""
        super().__init__(message)
        self.limit = limit
        self.asked = asked
        self.allowed = allowed


class UsageError(TinycogError, ValueError):
    """The call is wrong; the message says what would be right."""


class TileIndexError(UsageError, IndexError):
    """There is no such level, or no such tile in it."""


class SourceError(TinycogError, OSError):
    """The bytes could not be had.

    Attributes:
        url: the object, as `tinycog.open` was given it.
        range: the bytes that were asked (half-open), or None.
        status: of the HTTP answer, if there was one.
        may_pass: whether it is worth asking again later; that has been done as often as
            `Limits.retries` says.
        retry_after: what the server said of when to, as it said it.
        tries: how often the range was asked.
    """

    may_pass: bool = False
    status: int | None = None
    retry_after: str | None = None
    tries: int = 1

    def __init__(
        self,
        message: str,
        *,
        url: str = "",
        range: tuple[int, int] | None = None,  # noqa: A002 - the word
    ) -> None:
        """Say which object and which bytes, in the message too."""
        where = "" if range is None else f" (bytes {range[0]} to {range[1]})"
        super().__init__(f"{message}: {url}{where}" if url else message)
        self.url = url
        self.range = range

    def gave_up(self, tries: int) -> None:
        """Say that the range was asked more than once."""
        if tries > 1:
            self.tries = tries
            self.args = (f"{self} (asked {tries} times)",)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the finished message: `__init__` would add the place again."""
        return (_restore, (type(self), str(self), dict(self.__dict__)))


def _restore(kind: type[SourceError], text: str, facts: dict[str, object]) -> SourceError:
    error = kind(text)
    error.__dict__.update(facts)
    return error


class NotFoundError(SourceError, FileNotFoundError):
    """There is no such object."""


class AccessDeniedError(SourceError, PermissionError):
    """The object may not be read with these credentials."""


class RangeUnsupportedError(SourceError):
    """The server sent the whole object where a range was asked, and it is too long to take."""


class RangeMismatchError(SourceError):
    """The server sent other bytes than the range that was asked."""


class RangeNotSatisfiableError(SourceError):
    """The server says that the range lies outside the object.

    Attributes:
        size: of the object in bytes, if it was told.
    """

    size: int | None = None


class SourceChangedError(SourceError):
    """The object is not the one that was opened: it was replaced or edited meanwhile.

    Attributes:
        expected: the generation that was opened or demanded: a strong ETag, else Last-Modified, or
            a size ("1000 bytes").
        found: what there is now; None if it was not told.
    """

    expected: str | None = None
    found: str | None = None


class SourceTimeoutError(SourceError, TimeoutError):
    """The server did not answer in time."""


class SourceBusyError(SourceError):
    """The server says that it is asked too much: 429 or 503."""
