"""Errors: which branch each is on, and what it carries, also into another process."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

import tinycog
from tinycog import errors
from tinycog.errors import (
    AccessDeniedError,
    CorruptTileError,
    Finding,
    FormatError,
    LimitError,
    MosaicError,
    NotFoundError,
    NotTiffError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    TargetExistsError,
    TileIndexError,
    TinycogError,
    TooLargeError,
    TruncatedError,
    UnsupportedError,
    UsageError,
    WriteError,
)
from tinycog.limits import Limits

FINDING = Finding("tiff.ifd.loop", "the IFD chain comes back to an IFD", 8, 1234)
SOURCE_ERRORS = [
    SourceError,
    NotFoundError,
    AccessDeniedError,
    RangeUnsupportedError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    SourceBusyError,
    SourceChangedError,
    SourceTimeoutError,
    TooLargeError,
]


def corrupt_tile() -> CorruptTileError:
    error = CorruptTileError("bad", finding=FINDING)
    error.level, error.x, error.y = 1, 2, 3
    return error


EXAMPLES: list[TinycogError] = [
    TinycogError("bad"),
    FormatError("bad", finding=FINDING),
    FormatError.of(FINDING),
    NotTiffError("bad"),
    TruncatedError("bad"),
    corrupt_tile(),
    UnsupportedError("bad", feature="compression", value=34661),
    LimitError("bad", limit="ifds", asked=5, allowed=4),
    WriteError.of_tile((1, 2, 3), "bad"),
    UsageError("bad"),
    TileIndexError("bad"),
    MosaicError.of_findings([FINDING, FINDING]),
    TargetExistsError.of_target("a.tif"),
    *(kind("bad") for kind in SOURCE_ERRORS),
    *(kind("bad", url="http://a/b.tif", range=(0, 10)) for kind in SOURCE_ERRORS),
]

each_example = pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: f"{type(e).__name__}-{e}")


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        (FormatError, (TinycogError, ValueError)),
        (NotTiffError, (FormatError,)),
        (TruncatedError, (FormatError,)),
        (CorruptTileError, (FormatError,)),
        (UnsupportedError, (TinycogError, NotImplementedError)),
        (LimitError, (TinycogError, ValueError)),
        (UsageError, (TinycogError, ValueError)),
        (WriteError, (TinycogError,)),
        (TileIndexError, (UsageError, IndexError)),
        (MosaicError, (UsageError,)),
        (TargetExistsError, (UsageError, FileExistsError)),
        (SourceError, (TinycogError, OSError)),
        (NotFoundError, (SourceError, FileNotFoundError)),
        (AccessDeniedError, (SourceError, PermissionError)),
        (RangeUnsupportedError, (SourceError,)),
        (RangeMismatchError, (SourceError,)),
        (RangeNotSatisfiableError, (SourceError,)),
        (SourceChangedError, (SourceError,)),
        (SourceTimeoutError, (SourceError, TimeoutError)),
        (SourceBusyError, (SourceError,)),
        (TooLargeError, (SourceError,)),
    ],
)
def test_each_error_stands_on_its_branch(kind, parents):
    assert [parent for parent in parents if not issubclass(kind, parent)] == []


def test_every_error_is_a_public_name():
    kinds = {
        name
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, TinycogError)
    }
    assert kinds <= set(tinycog.__all__)
    assert kinds == {type(error).__name__ for error in EXAMPLES}


@each_example
def test_an_error_pickles_with_all_its_fields(error):
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@each_example
def test_a_message_is_one_line(error):
    assert str(error).splitlines() == [str(error)]


@pytest.mark.parametrize("kind", SOURCE_ERRORS)
def test_a_source_error_says_which_object_and_which_bytes(kind):
    error = kind("it failed", url="http://a/b.tif", range=(0, 10))
    assert str(error) == "it failed: http://a/b.tif (bytes 0 to 10)"
    assert (error.url, error.range) == ("http://a/b.tif", (0, 10))


def test_a_source_error_may_know_only_the_object():
    error = SourceError("it failed", url="http://a/b.tif")
    assert str(error) == "it failed: http://a/b.tif"
    assert error.range is None


def test_a_finding_says_what_where_and_by_which_rule():
    assert str(FINDING) == "the IFD chain comes back to an IFD at byte 8 [tiff.ifd.loop]"
    assert str(Finding("tiff.image.size", "no size")) == "no size [tiff.image.size]"


def test_an_error_made_of_a_finding_says_it_and_carries_it():
    error = FormatError.of(FINDING)
    assert str(error) == str(FINDING)
    assert error.finding is FINDING


def test_an_error_of_a_branch_may_be_made_of_a_finding():
    assert type(NotTiffError.of(FINDING)) is NotTiffError


def test_a_guard_lets_pass_what_it_allows():
    Limits(ifds=4).check("ifds", 4, "IFDs")
    with pytest.raises(LimitError) as caught:
        Limits(ifds=4).check("ifds", 5, "IFDs")
    error = caught.value
    assert str(error) == "IFDs: 5 is over the limit of 4 (Limits.ifds)"
    assert (error.limit, error.asked, error.allowed) == ("ifds", 5, 4)


def test_limits_are_given_by_name_and_do_not_change():
    with pytest.raises(TypeError):
        Limits(4096)  # pyright: ignore[reportCallIssue]
    with pytest.raises(AttributeError):
        Limits().ifds = 5  # pyright: ignore[reportAttributeAccessIssue]


@each_example
def test_an_error_is_made_anew_without_its_text(error):
    """As by tblib, which has a say in all errors of a process with dask.distributed."""
    kind: Any = type(error)
    assert type(kind.__new__(kind)) is kind
