"""Named tuples and data classes of `tinycog.records` are Python's, as far as anyone can see."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
import typing
from typing import Any, Generic, TypeVar

import pytest

from tinycog import records

T = TypeVar("T")


class Place(records.NamedTuple):
    """Theirs."""

    row: int
    col: int = 3

    @property
    def both(self) -> int:
        return self.row + self.col

    def __str__(self) -> str:
        return super().__str__() + "!"


class PythonsPlace(typing.NamedTuple):
    """Theirs."""

    row: int
    col: int = 3


class Box(records.NamedTuple, Generic[T]):
    """Generic."""

    held: T


class Shifted(Place):
    """A subclass, which is an ordinary one."""


@records.dataclass(frozen=True)
class Fact:
    """Theirs."""

    name: str
    size: int = 4
    found: list[int] = dataclasses.field(default_factory=list[int], compare=False)


@dataclasses.dataclass(frozen=True)
class PythonsFact:
    """Theirs."""

    name: str
    size: int = 4
    found: list[int] = dataclasses.field(default_factory=list[int], compare=False)


@records.dataclass(frozen=True, kw_only=True)
class Bound:
    """Checked."""

    most: int = 5

    def __post_init__(self) -> None:
        if self.most < 0:
            raise ValueError(self.most)


@records.dataclass(eq=False, repr=False)
class Loose:
    """May be changed."""

    value: int


@records.dataclass
class Wide(Loose):
    """With a field more."""

    other: int = 1


def said(call: Any) -> str:
    """What an error of a call says."""
    with pytest.raises((TypeError, AttributeError)) as caught:
        call()
    return str(caught.value).replace("Pythons", "")


CALLS = [lambda c: c(), lambda c: c(1, 2, 3, 4), lambda c: c(nothing=1), lambda c: c(1, row=2)]


@pytest.mark.parametrize("call", CALLS)
def test_wrong_arguments_are_refused_in_the_same_words(call):
    assert said(lambda: call(Place)) == said(lambda: call(PythonsPlace))
    assert said(lambda: call(Fact)) == said(lambda: call(PythonsFact))


def test_named_tuples_are_those_of_typing():
    mine, theirs = Place(1), PythonsPlace(1)
    assert mine == theirs == (1, 3)
    assert hash(mine) == hash(theirs)
    assert repr(mine) == repr(theirs).replace("Pythons", "")
    assert str(mine) == "Place(row=1, col=3)!"
    assert mine.both == 4
    for name in ("_fields", "_field_defaults", "__match_args__", "__slots__", "__doc__"):
        assert getattr(Place, name) == getattr(PythonsPlace, name), name
    assert inspect.signature(Place).parameters.keys() == {"row", "col"}
    assert typing.get_type_hints(Place) == typing.get_type_hints(PythonsPlace)
    assert mine._replace(col=9) == (1, 9)
    assert type(mine._replace(col=9)) is Place
    assert mine._asdict() == theirs._asdict()
    assert Place._make([5, 6]) == (5, 6)
    assert said(lambda: Place._make([5])) == said(lambda: PythonsPlace._make([5]))
    assert said(lambda: setattr(mine, "row", 2)) == said(lambda: setattr(theirs, "row", 2))
    assert isinstance(said(lambda: setattr(mine, "new", 2)), str)
    assert Place.row.__doc__ == PythonsPlace.row.__doc__


@pytest.mark.parametrize("one", [Place(1), Box("a"), Shifted(2), Fact("a", 2, [1]), Bound(most=2)])
def test_they_are_copied_and_pickled(one):
    for other in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):  # noqa: S301
        assert other == one
        assert type(other) is type(one)


def test_a_default_may_not_stand_before_a_field_without_one():
    base: Any = records.NamedTuple
    with pytest.raises(TypeError, match="stand behind others with one"):
        type(base)("Bad", (base,), {"__annotations__": {"a": "int", "b": "int"}, "a": 1})


def test_data_classes_are_those_of_python():
    mine, theirs = Fact("a", found=[1]), PythonsFact("a", found=[1])
    assert repr(mine) == repr(theirs).replace("Pythons", "")
    assert hash(mine) == hash(theirs)
    assert mine == Fact("a", found=[2])
    assert mine not in (Fact("b"), theirs, 3)
    assert Fact("a").found is not Fact("a").found
    assert dataclasses.asdict(mine) == dataclasses.asdict(theirs)
    assert dataclasses.replace(mine, size=5) == Fact("a", 5)
    assert Fact.__match_args__ == PythonsFact.__match_args__
    assert str(inspect.signature(Fact)) == str(inspect.signature(PythonsFact))
    for change in (lambda one: setattr(one, "size", 1), lambda one: delattr(one, "size")):
        assert said(lambda: change(mine)) == said(lambda: change(theirs))  # noqa: B023 - called at once
    assert said(lambda: setattr(mine, "new", 1)) == "cannot assign to field 'new'"


def test_data_classes_may_be_checked_loose_or_of_more_fields():
    with pytest.raises(ValueError, match="-1"):
        Bound(most=-1)
    assert "positional argument" in said(lambda: Bound(3))  # type: ignore[misc]
    loose = Loose(1)
    loose.value = 2
    assert (loose.value, loose == Loose(2)) == (2, False)
    assert Wide(1) == Wide(1, 1)
    assert said(lambda: hash(Wide(1))) == "unhashable type: 'Wide'"


WAY = """
import asyncio, sys, tinycog
from tinycog import records
asyncio.run(tinycog.open(sys.argv[1]).read_tile(0, 0, 0))
for name, module in sys.modules.copy().items():
    if name.startswith("tinycog."):
        for kind in ("NamedTuple", "dataclass"):
            if getattr(module, kind, None) not in (None, getattr(records, kind)):
                print(name, kind)
"""


def test_no_class_on_the_way_to_a_first_tile_is_made_by_python():
    from conftest import fixture_path  # noqa: PLC0415 - only here

    command = [sys.executable, "-c", WAY, str(fixture_path("cog-deflate-u16-p2"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == ""
