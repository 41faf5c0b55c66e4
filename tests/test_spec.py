"""The rules of `spec/` and the code: each id is defined once and cited, each table is the same."""

from __future__ import annotations

import ast
import csv
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tinycog.decode.codecs import CODECS
from tinycog.encode.compressors import COMPRESSORS
from tinycog.tiff import spec
from tinycog.tiff.image import FACTS, OPTIONS

ROOT = Path(__file__).resolve().parents[1]
SPEC = ROOT / "spec"
CODE = ROOT / "src" / "tinycog"
TOPICS = sorted(SPEC.glob("*.md"))

NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
HEADING = re.compile(r"^### (.*)$", re.MULTILINE)
RULE_ID = re.compile(rf"(?:tiff|geotiff|gdal|http|store|cache|cog)(?:\.{NAME})+")
CITATION = re.compile(
    # A handle is called `cog` in examples: of its attributes none has a second dot behind it.
    rf"(?<![\w./-])((?:tiff|geotiff|gdal|http|store|cache)(?:\.{NAME})*|cog(?:\.{NAME})+)"
    rf"(\.{NAME}|\.\*)(?![\w(/-])"
)


# --- what is defined, and what is cited ----------------------------------------------------------


def defined() -> list[str]:
    """Ids of all rules, as the headings of the topics have them."""
    headings = [heading for path in TOPICS for heading in HEADING.findall(path.read_text("utf-8"))]
    return [heading.strip("`") for heading in headings]


def rule_texts() -> Iterator[tuple[str, str]]:
    """Each id with the text below its heading."""
    for path in TOPICS:
        _, *parts = re.split(r"^### ", path.read_text("utf-8"), flags=re.MULTILINE)
        for part in parts:
            heading, _, text = part.partition("\n")
            yield heading.strip("`"), re.split(r"^## ", text, flags=re.MULTILINE)[0]


@cache
def tree_of(path: Path) -> ast.Module:
    """A module of the code, parsed once."""
    return ast.parse(path.read_text("utf-8"))


def words_of(path: Path) -> Iterator[str]:
    """Strings, docstrings and comments of a module: everything that is not code."""
    source = path.read_text("utf-8")
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@cache
def cited() -> dict[str, set[str]]:
    """Ids and families (`tiff.ifd.*`) that the code cites, each with the modules that do."""
    places: dict[str, set[str]] = {}
    for path in CODE.rglob("*.py"):
        for words in words_of(path):
            for match in CITATION.finditer(words):
                places.setdefault("".join(match.groups()), set()).add(path.name)
    return places


def last_name(node: ast.expr) -> str:
    """The name behind the last dot of what stands there."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def findings() -> dict[str, set[str]]:
    """First arguments of `Finding(...)` and `tolerate(...)`, with the modules that make them."""
    places: dict[str, set[str]] = {}
    for path in CODE.rglob("*.py"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and last_name(node.func) in ("Finding", "tolerate"):
                rule = node.args[0] if node.args else node.keywords[0].value
                if isinstance(rule, ast.Constant):  # else it is handed on, as `tolerate` does
                    places.setdefault(str(rule.value), set()).add(path.name)
    return places


def covers(citation: str, rule: str) -> bool:
    if citation.endswith(".*"):
        return rule.startswith(citation.removesuffix("*"))
    return rule == citation


def test_every_heading_of_a_rule_is_an_id():
    assert [heading for heading in defined() if not RULE_ID.fullmatch(heading)] == []


def test_every_id_is_defined_once():
    assert {rule: n for rule, n in Counter(defined()).items() if n > 1} == {}


def test_every_cited_id_is_defined():
    rules = defined()
    unknown = {c: at for c, at in cited().items() if not any(covers(c, rule) for rule in rules)}
    assert unknown == {}


def test_every_defined_id_is_cited():
    citations = cited()
    loose = {rule for rule in defined() if not any(covers(c, rule) for c in citations)}
    assert loose == set()


def test_every_finding_names_a_defined_rule():
    rules = defined()
    assert {rule: at for rule, at in findings().items() if rule not in rules} == {}


def test_every_rule_names_its_source():
    assert [rule for rule, text in rule_texts() if "\n- **Source:** " not in text] == []


def test_every_rule_that_a_rule_mentions_is_defined():
    rules = set(defined())
    mentioned = {
        (rule, name)
        for rule, text in rule_texts()
        for name in re.findall(r"`([^`]+)`", text.partition("- **Source:**")[0])
        if RULE_ID.fullmatch(name)
    }
    assert {(rule, name) for rule, name in mentioned if name not in rules} == set()


def test_the_list_of_rules_has_every_id_with_its_file():
    listed = re.findall(
        r"^\| `(.*)` \| \[`(.*)`\]\((.*)\) \|$",
        (SPEC / "rules.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert all(shown == linked for _, shown, linked in listed)
    for name in {linked for _, _, linked in listed} | {path.name for path in TOPICS}:
        headings = [h.strip("`") for h in HEADING.findall((SPEC / name).read_text("utf-8"))]
        assert [rule for rule, _, linked in listed if linked == name] == headings


# --- tables --------------------------------------------------------------------------------------


def rows(name: str) -> list[dict[str, str]]:
    with (SPEC / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def names_used_in_code() -> set[str]:
    """Names of `Tag` that the reader uses; those of `testing` are for making files."""
    modules = [p for p in CODE.rglob("*.py") if "testing" not in p.relative_to(CODE).parts]
    return {
        node.attr
        for path in modules
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and last_name(node.value) == "Tag"
    }


def test_variants_are_those_of_the_code():
    numbers = {"magic", "header_length", "count_length", "entry_length", "offset_length"}
    listed = [
        spec.Variant(
            **{k: int(row[k]) if k in numbers else row[k] for k in spec.Variant._fields}  # pyright: ignore[reportArgumentType]
        )
        for row in rows("variants.csv")
    ]
    assert listed == list(spec.VARIANTS.values())


def test_lengths_of_an_ifd_follow_from_its_parts():
    for row in rows("variants.csv"):
        variant = spec.VARIANTS[int(row["magic"])]
        head, entry, link = variant.count_length, variant.entry_length, variant.offset_length
        assert row["ifd_length"] == f"{head} + {entry} n + {link}"


def test_field_types_are_those_of_the_code():
    listed = [
        spec.FieldType(int(row["code"]), row["name"], int(row["length"]), row["format"])
        for row in rows("field_types.csv")
    ]
    assert listed == list(spec.FIELD_TYPES.values())


def test_tags_are_those_of_the_code():
    listed = [(row["name"], int(row["id"])) for row in rows("tags.csv")]
    assert listed == [(tag.name, int(tag)) for tag in spec.Tag]


def test_tags_have_known_field_types():
    known = {field_type.name for field_type in spec.FIELD_TYPES.values()} | {"any"}
    for row in rows("tags.csv"):
        assert row["field_types"]
        assert set(row["field_types"].split()) <= known, row["name"]


def test_tags_are_used_as_their_table_says():
    used = {row["name"]: row["used"] for row in rows("tags.csv")}
    assert {name for name, use in used.items() if use == "option"} == {t.name for t in OPTIONS}
    facts = {tag.name for tag in FACTS} - {tag.name for tag in OPTIONS}
    assert {name for name, use in used.items() if use == "fact"} == facts
    read = {name for name, use in used.items() if use in ("fact", "option", "place", "geo")}
    assert read == names_used_in_code()
    assert set(used.values()) <= {"fact", "option", "place", "geo", "later", "no"}


def test_compressions_are_those_of_the_code():
    listed = [(row["name"], int(row["code"])) for row in rows("compressions.csv")]
    assert listed == [(code.name, int(code)) for code in spec.Compression]


def test_compressions_are_decoded_as_their_table_says():
    table = {int(row["code"]): row for row in rows("compressions.csv")}
    assert {code for code, row in table.items() if row["decoded"] == "yes"} == set(CODECS)
    for code, codec in CODECS.items():
        row = table[code]
        assert (row["gives"], row["predictor"]) == (codec.gives, "yes" if codec.predicted else "no")
    for row in table.values():
        assert row["decoded"] in ("yes", "no")
        assert row["predictor"] in ("yes", "no")
        assert bool(row["gives"]) == (row["decoded"] == "yes")


def test_compressions_are_encoded_as_their_table_says():
    table = {int(row["code"]): row for row in rows("compressions.csv")}
    assert {code for code, row in table.items() if row["encoded"] == "yes"} == set(COMPRESSORS)
    assert {row["encoded"] for row in table.values()} == {"yes", "no"}
    for code, codec in COMPRESSORS.items():
        row = table[code]
        assert (row["gives"], row["predictor"]) == (
            codec.takes,
            "yes" if codec.predicted else "no",
        )


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("PhotometricInterpretation", spec.Photometric),
        ("ExtraSamples", spec.ExtraSample),
        ("SampleFormat", spec.SampleFormat),
        ("Predictor", spec.Predictor),
    ],
)
def test_values_of_a_tag_are_those_of_the_code(tag, kind):
    listed = [(row["name"], int(row["code"])) for row in rows("values.csv") if row["tag"] == tag]
    assert listed == [(code.name, int(code)) for code in kind]


def test_bits_of_new_subfile_type_are_those_of_the_code():
    bits = {r["name"]: int(r["code"]) for r in rows("values.csv") if r["tag"] == "NewSubfileType"}
    assert bits == {"REDUCED": spec.REDUCED, "PAGE": spec.PAGE, "MASK": spec.MASK}


@pytest.mark.parametrize("path", sorted(SPEC.glob("*.csv")), ids=lambda path: path.name)
def test_a_table_has_as_many_cells_in_each_row(path):
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file, strict=True))
    assert {len(row) for row in table} == {len(table[0])}
