"""The surface is a list: names, types and docstrings of what users import.

Public are the names of `tinycog.__all__`, listed in docs/api.md, and the modules `tinycog`,
`tinycog.errors` and `tinycog.testing`. What a public call takes or returns is public, too.
"""

from __future__ import annotations

import ast
import inspect
import re
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import affine
import numpy as np
import pyproj
import pytest
from conftest import fixture_path
from numpy.typing import NDArray
from typing_example import read

import tinycog
from tinycog import argument_types
from tinycog.pixels.arrays import Pixels

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "tinycog").rglob("*.py"))
BLOCKING = [
    ROOT / "src" / "tinycog" / "sync" / name
    for name in (
        *("__init__.py", "collection.py", "mosaics.py", "services.py", "stacks.py"),
        "tile_sets.py",
    )
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PUBLIC_MODULES = {
    *("tinycog", "tinycog.errors", "tinycog.sync", "tinycog.testing", "tinycog.compat"),
    "tinycog.earth_engine",
    "tinycog.viewer",
    "tinycog.adapters.rio_tiler",
    "tinycog.adapters.virtualizarr",
}
CLASSES = {
    name: value
    for name in tinycog.__all__
    if inspect.isclass(value := getattr(tinycog, name)) and not name.startswith("_")
}
OTHERS = {
    "Affine": affine.Affine,
    "Pixels": Pixels,
    "pyproj": pyproj,
    "Axes": object,
    "MatplotlibColormap": object,
    "Store": object,
    "xarray": SimpleNamespace(DataArray=object),
}
"""Names of other packages that annotations use without importing them at run time; zarr's need not
be there.
"""

SPECIAL = ("__init__", "__await__", "__aenter__", "__array__")
"""Special methods that users call, or that are called for them with arguments of theirs."""

NUMPY = (np.ndarray, np.dtype, np.ma.MaskedArray, NDArray)
"""Types in which `Any` is numpy's own word: for a dtype known at run time only, for a shape."""

WITH_ANY = {
    "Cog.__await__",  # of what a coroutine yields to the event loop: nobody else sees it
    "Mosaic.__await__",  # likewise
    "Stack.__await__",  # likewise
    "Service.__await__",  # likewise
    "TileSet.__await__",  # likewise
    "TagEntry.__await__",  # likewise
    "Write.__await__",  # likewise
    "Cog.info",  # a JSON document, read by key
    "Cog.tile_matrix_set",  # likewise
}


# --- names ---------------------------------------------------------------------------------------


def test_the_documentation_lists_every_public_name():
    page = (ROOT / "docs" / "api.md").read_text()
    listed = re.findall(r"^- `(\w+)` - \S", page, re.MULTILINE)

    assert sorted(listed) == sorted(tinycog.__all__)


def test_every_public_name_can_be_imported():
    assert [name for name in tinycog.__all__ if getattr(tinycog, name, None) is None] == []


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tinycog' has no attribute 'nothing'"):
        _ = tinycog.nothing  # pyright: ignore[reportAttributeAccessIssue]


def test_dir_shows_the_public_names_only():
    assert dir(tinycog) == sorted(tinycog.__all__)


def test_every_error_is_a_name_of_the_face():
    errors = vars(import_module("tinycog.errors"))
    found = {name for name, value in errors.items() if inspect.isclass(value)}

    assert {name for name in found if name.endswith("Error")} <= set(tinycog.__all__)


def test_public_modules_are_named_where_private_ones_are():
    section = (ROOT / "docs" / "api.md").read_text().partition("## Modules\n")[2]

    for text in (section, tinycog.__doc__ or ""):
        assert set(re.findall(r"`(tinycog(?:\.\w+)*)`", text)) == PUBLIC_MODULES
        assert "private" in text.lower()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documents_import_public_modules_only(page):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    code = "\n".join(blocks)
    modules = re.findall(r"^\s*(?:from|import) (tinycog[\w.]*)", code, re.MULTILINE)
    names = set(re.findall(r"\btinycog\.(\w+)", re.sub(r"(?m)^\s*(from|import) .*", "", code)))

    assert set(modules) <= PUBLIC_MODULES
    assert names <= {*tinycog.__all__, "sync"}


def test_no_class_name_stands_twice():
    names = Counter(
        node.name
        for path in SOURCES
        if path not in BLOCKING  # its names are those of the async face
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    )

    assert {name: count for name, count in names.items() if count > 1} == {}


# --- types ---------------------------------------------------------------------------------------


def is_record(cls: type) -> bool:
    return is_dataclass(cls) or (issubclass(cls, tuple) and hasattr(cls, "_fields"))


def functions(cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions of a class and of its private bases: methods, and getters."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] != "tinycog":
            continue
        for name, value in vars(base).items():
            if isinstance(value, property | classmethod | staticmethod):
                value = value.fget if isinstance(value, property) else value.__func__  # noqa: PLW2901
            value = getattr(value, "func", value)  # noqa: PLW2901 - of a cached property
            is_made = name == "__init__" and is_record(base)  # of its fields, which are looked at
            is_public = (not name.startswith("_") or name in SPECIAL) and not is_made
            if is_public and inspect.isfunction(value) and value.__module__ == base.__module__:
                yield f"{cls.__name__}.{name}", value


def every_function() -> dict[str, Callable[..., Any]]:
    found: dict[str, Callable[..., Any]] = {
        "open": tinycog.open,
        "write": tinycog.write,
        "configure": tinycog.configure,
    }
    for cls in CLASSES.values():
        found |= dict(reversed(list(functions(cls))))
    return found


FUNCTIONS = every_function()


NAMES = {
    **vars(argument_types),
    **{name: getattr(tinycog, name) for name in tinycog.__all__},
    **OTHERS,
}
"""What types name: much of it is imported for type checkers alone, since no tile needs it."""


def hints_of(value: Any, *, fields: bool = False) -> dict[str, Any]:
    """Type hints; those of fields must resolve without help."""
    names = None if fields else NAMES
    return typing.get_type_hints(value, localns=names)


def parts_of(hint: Any) -> Iterator[Any]:
    """A type and all that it is made of; what numpy's types are made of is numpy's."""
    yield hint
    if typing.get_origin(hint) in NUMPY:
        return
    for part in typing.get_args(hint):
        if isinstance(part, list):
            for each in part:
                yield from parts_of(each)
        elif typing.get_origin(hint) is not typing.Literal:
            yield from parts_of(part)


def surface() -> Iterator[tuple[str, Any]]:
    """Every part of every type of the surface, with where it stands."""
    for name, function in FUNCTIONS.items():
        for each in typing.get_overloads(function) or [function]:
            for hint in hints_of(each).values():
                yield from ((name, part) for part in parts_of(hint))
    for name, cls in CLASSES.items():
        for field, hint in hints_of(cls, fields=is_record(cls)).items():
            if not field.startswith("_"):
                yield from ((name, part) for part in parts_of(hint))


def test_every_type_of_the_surface_is_exported():
    found = {
        part
        for _, part in surface()
        if inspect.isclass(part) and part.__module__.partition(".")[0] == "tinycog"
    }

    assert {cls for cls in found if CLASSES.get(cls.__name__) is not cls} == set()
    assert len(found) > 25


def test_any_is_in_numpys_types_only():
    assert {name for name, part in surface() if part is Any} == WITH_ANY


def test_every_argument_and_result_has_a_type():
    bare = {
        name
        for name, function in FUNCTIONS.items()
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.annotation is parameter.empty and key not in ("self", "cls")
    }
    without_result = {
        name for name, function in FUNCTIONS.items() if "return" not in function.__annotations__
    }

    assert bare | without_result == set()


def test_options_are_typed_dicts():
    for name, function in FUNCTIONS.items():
        for key, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                (options,) = typing.get_args(hints_of(function)[key])
                assert typing.is_typeddict(options), name


async def test_the_typed_example_runs():
    rasters = await read(fixture_path("cog-metadata"))

    assert all(isinstance(raster, tinycog.Raster) for raster in rasters)


# --- docstrings ----------------------------------------------------------------------------------


def test_everything_public_has_a_docstring():
    values = {**CLASSES, **FUNCTIONS}
    bare = {name for name, value in values.items() if not (value.__doc__ or "").strip()}
    made = {name for name, cls in CLASSES.items() if (cls.__doc__ or "").startswith(f"{name}(")}

    assert bare | made == set()


def test_long_signatures_are_explained():
    """Four arguments or more: each named, with result, errors, and cost where requests are sent."""
    lacking: dict[str, set[str]] = {}
    for name, function in FUNCTIONS.items():
        names = inspect.signature(function).parameters
        arguments = [key for key in names if key not in ("self", "cls")]
        if len(arguments) < 4 or name.endswith("__init__"):
            continue
        doc = inspect.getdoc(function) or ""
        wanted = {"Args:", "Raises:"} | {f"{key}: " for key in arguments}
        is_read = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        if hints_of(function)["return"] is not types.NoneType:
            wanted |= {"Yields:" if inspect.isasyncgenfunction(function) else "Returns:"}
        wanted |= {"Cost: "} if is_read else set()
        if missing := {word for word in wanted if word not in doc}:
            lacking[name] = missing

    assert lacking == {}
