"""Make `tinycog/sync/__init__.pyi`: the types of the blocking face, from those of the async one.

Run it after a change to a public signature; `tests/test_sync.py` fails until then.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import getsource
from pathlib import Path
from textwrap import dedent

import tinycog
from tinycog.sync.blocking import KEPT

STUB = Path(tinycog.__file__).parent / "sync" / "__init__.pyi"
CLASSES = (
    *("Asset", "Cog", "Collection", "Mosaic", "Overview", "Page", "Pages", "Service", "Stack"),
    *("TagEntry", "Tags", "TileSet"),
)
FUNCTIONS = (
    ("tinycog.entry", "open"),
    ("tinycog.mosaics", "mosaic"),
    ("tinycog.writing", "write"),
    ("tinycog.exports", "export"),
    ("tinycog.updating", "update"),
    ("tinycog.targets.uploads", "list_uploads"),
    ("tinycog.targets.uploads", "abort_upload"),
    ("tinycog.validating", "validate"),
)
OMITTED: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("Cog", "Mosaic", "Service", "Stack", "TileSet"), ("aclose",)
)
CLOSING = """
        def __init__(self, value: tinycog.{name}) -> None: ...
        def close(self) -> None: ...
        def __enter__(self) -> Self: ...
        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
        ) -> None: ...
    """
ADDED = {
    "Cog": CLOSING.format(name="Cog"),
    "Mosaic": CLOSING.format(name="Mosaic"),
    "Stack": CLOSING.format(name="Stack"),
    "Service": CLOSING.format(name="Service"),
    "TileSet": CLOSING.replace(
        "value: tinycog.{name}",
        """files: Iterable[Where | SignedUrl | Source | Cog],
        tile_matrix_set: str | Mapping[str, object] = ..., *, strict: bool = True,
        resampling: WarpResamplingLike = ...""",
    ),
    "Collection": """
        def __init__(self, value: tinycog.Collection) -> None: ...
        def __add__(self, other: Collection) -> Self: ...
    """,
}
BASES = {
    "Collection": "Sequence[Asset]",
    "Pages": "Sequence[Page]",
    "Tags": "Mapping[str | int, TagEntry]",
}
HEAD = """# Types of the blocking face, made by tests/make_sync_types.py.

from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
"""
RUN = """
T = TypeVar("T")

def run(work: Coroutine[Any, Any, T]) -> T: ...
"""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def make_types() -> str:
    """Return the text of the stub, with more imports than it needs."""
    modules = {"tinycog.entry", "tinycog.writing"}
    classes: list[str] = []
    for name in CLASSES:
        members: dict[str, list[str]] = {}
        for one in getattr(tinycog, name).__mro__:
            if one.__module__.startswith("tinycog."):
                modules.add(one.__module__)
                for key, text in class_members(one):
                    members.setdefault(f"{one.__name__}.{key}", []).append(text)
        seen: dict[str, list[str]] = {}
        for key, texts in members.items():
            member = key.partition(".")[2]
            if member not in OMITTED.get(name, ()):
                seen.setdefault(member, texts)
        body = "\n".join(text for texts in seen.values() for text in texts)
        base = f"({BASES[name]})" if name in BASES else ""
        added = ast.unparse(ast.parse(dedent(ADDED.get(name, ""))))
        value = f"@property\ndef asynchronous(self) -> tinycog.{name}: ..."
        lines = [*value.splitlines(), *body.splitlines(), *added.splitlines()]
        classes.append(f"class {name}{base}:\n" + "\n".join(f"    {line}" for line in lines))
    stubs = [stub for module, name in FUNCTIONS for stub in functions(module, name)]
    modules.update(module for module, _ in FUNCTIONS)
    body = "\n\n".join([*classes, *stubs, RUN])
    return "\n".join([HEAD, *imports(sorted(modules), body), body])


def functions(module: str, name: str) -> Iterator[str]:
    """Yield the stub of a function of a module, or of each of its overloads."""
    found = [
        node for node in tree_of(module).body if isinstance(node, Function) and node.name == name
    ]
    yield from map(stub_of, found[:-1] or found)


def meaning(text: str) -> list[str]:
    """Return what a stub says, but for its imports and its layout."""
    return [
        ast.dump(node)
        for node in ast.parse(text).body
        if not isinstance(node, ast.Import | ast.ImportFrom)
    ]


def tree_of(module: str) -> ast.Module:
    return ast.parse(getsource(import_module(module)))


def class_members(of: type) -> Iterator[tuple[str, str]]:
    """Yield the public members that a class itself defines, as they stand in a stub."""
    (tree,) = (
        node
        for node in tree_of(of.__module__).body
        if isinstance(node, ast.ClassDef) and node.name == of.__name__
    )
    for node in tree.body:
        if isinstance(node, Function) and (node.name[:1] != "_" or node.name in KEPT):
            yield node.name, stub_of(node)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            if not name.startswith("_"):
                text = f"@property\ndef {name}(self) -> {ast.unparse(node.annotation)}: ..."
                yield name, text


def stub_of(node: Function) -> str:
    """Return a function without a body, which returns what an async one is awaited for."""
    decorators = [ast.unparse(one) for one in node.decorator_list]
    kept = [f"@{one}" for one in decorators if one in ("property", "overload", "classmethod")]
    kept += ["@property"] if "cached_property" in decorators else []
    returns = "None" if node.returns is None else ast.unparse(node.returns)
    returns = re.sub(r"AsyncGenerator\[(\w+), None\]", r"Generator[\1]", returns)
    returns = re.sub(r"\bWrite\[(\w+)\]", r"\1", returns)
    given = node.args
    given.defaults = [constant(default) for default in given.defaults]
    given.kw_defaults = [default and constant(default) for default in given.kw_defaults]
    return "\n".join([*kept, f"def {node.name}({ast.unparse(node.args)}) -> {returns}: ..."])


def constant(default: ast.expr) -> ast.expr:
    """Return a default as it may stand in a stub."""
    return default if isinstance(default, ast.Constant) else ast.Constant(...)


def imports(modules: list[str], body: str) -> list[str]:
    """Return the imports of the names that a text uses, as the modules have them."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    used |= {"Generator"}
    wanted = used - {
        *CLASSES,
        "Coroutine",
        "Mapping",
        "Sequence",
        "Self",
        "TracebackType",
        "TypeVar",
    }
    found = {"Generator": "from collections.abc import Generator", "tinycog": "import tinycog"}
    for module in modules:
        for name, text in names_of(module):
            found.setdefault(name, text)
    return sorted({found[name] for name in wanted if name in found})


def names_of(module: str) -> Iterator[tuple[str, str]]:
    """Yield the names that a module imports or defines, and what imports them."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ImportFrom):
            yield from (
                (name.asname or name.name, f"from {node.module} import {renamed(name)}")
                for name in node.names
            )
        elif isinstance(node, ast.Import):
            yield from (
                (name.asname or name.name, f"import {renamed(name)}") for name in node.names
            )
    for node in tree_of(module).body:
        names = [node.name] if isinstance(node, ast.ClassDef) else []
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        yield from ((name, f"from {module} import {name}") for name in names)


def renamed(name: ast.alias) -> str:
    return f"{name.name} as {name.asname}" if name.asname else name.name


def formatted(text: str) -> str:
    """Return a text as the project's formatter writes it."""
    run = [sys.executable, "-m", "ruff"]
    options = ["--stdin-filename", str(STUB), "-"]
    sorting = [*run, "check", "--select", "I,F401", "--fix", "--quiet", "--exit-zero", *options]
    for command in (sorting, [*run, "format", "--quiet", *options]):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)  # noqa: S603
        text = done.stdout
    return text


if __name__ == "__main__":
    STUB.write_text(formatted(make_types()))
