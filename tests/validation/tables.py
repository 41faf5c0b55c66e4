"""The tables of spec/validation.md: every rule by its profile, and why verdicts differ.

python tests/validation/tables.py       # makes them anew
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tinycog.validator.profiles import PROFILES, RULES

SPEC = Path(__file__).parent.parent.parent / "spec" / "validation.md"

HEAD = "| id | class | severity | depth | rule | source |\n| --- | --- | --- | --- | --- | --- |\n"


def table_of(name: str) -> str:
    """The section of a profile."""
    profile = PROFILES[name]
    classes: dict[str, str] = {}
    for title, ids in profile.classes.items():
        for rule in ids:
            classes.setdefault(rule, title)
    rows = [
        f"| `{rule}` | {title} | {RULES[rule].severity} | {RULES[rule].depth} |"
        f" {RULES[rule].says} | {RULES[rule].source} |\n"
        for rule, title in classes.items()
    ]
    return f"## `{name}`\n\n{profile.source}.\n\n{HEAD}{''.join(rows)}"


def sections() -> Mapping[str, str]:
    """All sections that are made, by their headings."""
    return {f"`{name}`": table_of(name) for name in PROFILES}


def made(text: str) -> str:
    """The text of the file with the sections made anew, those that are new at its end."""
    parts = re.split(r"(?m)^(?=## )", text)
    left = dict(sections())
    for i, part in enumerate(parts):
        heading = part.partition("\n")[0].removeprefix("## ")
        if heading in left:
            parts[i] = left.pop(heading).rstrip("\n") + "\n\n"
    return (
        "".join(parts).rstrip("\n") + "\n" + "".join(f"\n{one}" for one in left.values())
    ).rstrip("\n") + "\n"


if __name__ == "__main__":
    SPEC.write_text(made(SPEC.read_text("utf-8")), "utf-8")
    sys.exit(0)
