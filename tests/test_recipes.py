"""The recipes of ARCHITECTURE.md name files and names that are there, and no file is missing."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
PATH = re.compile(r"(?:src|tests|spec|docs|fixtures|benchmarks)/[\w./-]*|pyproject\.toml")
NAME = re.compile(r"_?[A-Za-z]\w*")


def recipes() -> dict[str, str]:
    section = TEXT[TEXT.index("\n## Recipes") : TEXT.index("\n## Decisions")]
    title, *parts = re.split(r"^### (.*)$", section, flags=re.MULTILINE)
    assert "tests/test_recipes.py" in title
    return dict(zip(parts[::2], parts[1::2], strict=True))


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def paths(text: str) -> list[str]:
    return [name for name in quoted(text) if PATH.fullmatch(name)]


def tokens(path: Path) -> set[str]:
    """Names and strings of a module, without docstrings and comments."""
    found: set[str] = set()
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        is_docstring = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.NL)
        if token.type == tokenize.NAME or (token.type == tokenize.STRING and not is_docstring):
            found.add(token.string.strip("\"'"))
        if token.type != tokenize.COMMENT:
            before = token.type
    return found


def words(path: Path) -> set[str]:
    """Names and strings of a module, words of any other file."""
    return tokens(path) if path.suffix == ".py" else set(re.findall(r"\w+", path.read_text()))


def modules_with(word: str) -> set[str]:
    """Modules in which a name or a whole string occurs, without `testing`, and without `validator`,
    which names codecs and tags where others' rules do.
    """
    package = ROOT / "src" / "tinycog"
    return {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*.py")
        if not {"testing", "validator"} & set(path.parts) and word in tokens(path)
    }


def test_the_eleven_recipes_are_there():
    assert list(recipes()) == [
        "Add a codec",
        "Add a tag",
        "Add a source",
        "Add a resampling method",
        "Add a target",
        "Add a pixel source",
        "Add a CLI command",
        "Add an adapter",
        "Add a rule",
        "Change the retry policy",
        "From a wrong pixel to its test",
    ]


@pytest.mark.parametrize("recipe", recipes())
def test_every_file_of_a_recipe_is_there(recipe):
    found = paths(recipes()[recipe])
    assert found
    assert [path for path in found if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("recipe", recipes())
def test_every_name_of_a_recipe_stands_in_a_file_beside_it(recipe):
    for item in re.split(r"^\d+\. ", recipes()[recipe], flags=re.MULTILINE)[1:]:
        files = [ROOT / path for path in paths(item) if (ROOT / path).is_file()]
        known = {word for path in files for word in words(path)}
        names = [name for name in quoted(item) if NAME.fullmatch(name) and name != "tinycog"]
        assert [name for name in names if files and name not in known] == []


DESCRIBED = {
    f"src/tinycog/{name}.py"
    for name in ("page", "tiff/pyramid", "series/parse_series", "reader/open_file")
}
"""Modules that read what a writer says of its pages in ImageDescription."""


@pytest.mark.parametrize(
    ("recipe", "word", "besides"),
    [
        ("Add a codec", "LERC", set[str]()),
        ("Add a codec", "WEBP", {"src/tinycog/writer/design.py"}),
        ("Add a codec", "decode_lerc", {"src/tinycog/decode/lerc.py"}),
        (
            "Add a tag",
            "LercParameters",
            {f"src/tinycog/{one}/lerc.py" for one in ("decode", "encode")},
        ),
        ("Add a tag", "ImageDescription", DESCRIBED),
        ("Add a tag", "ModelTransformation", {"src/tinycog/geo/transform.py"}),
        ("Add a source", "MemorySource", {"src/tinycog/sources/memory.py"}),
        ("Add a resampling method", "cubic", set[str]()),
        (
            "Add a resampling method",
            "mode",
            {
                "src/tinycog/targets/s3_client.py",
                "src/tinycog/mosaicking/overlaps.py",
                "src/tinycog/adapters/zarr/written.py",
            },
        ),
        (
            "Add a CLI command",
            "preview",
            {"src/tinycog/area_reads.py", "src/tinycog/sync/thumbnail.py"},
        ),
        ("Change the retry policy", "first_delay", set[str]()),
        ("Change the retry policy", "most_delay", set[str]()),
    ],
)
def test_no_module_is_missing_in_a_recipe(recipe, word, besides):
    found = modules_with(word)
    assert found, word
    assert found - set(paths(recipes()[recipe])) - besides == set()
