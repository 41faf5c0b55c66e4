"""The documentation site: `make docs` builds it into `site/`, by Sphinx.

Its source is the root of the repository, so that pages link to rules, examples and the README by
the same relative links here and on a code host.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "docs")]

from tinycog import __version__  # noqa: E402 - of this tree, installed or not

project = "tinycog"
release = version = __version__
html_title = f"tinycog {version}"
copyright = "the authors of tinycog; MIT licence"  # noqa: A001 - Sphinx's name

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "public_names",
]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "spec/*.md", "examples/README.md", "benchmarks/README.md"]
include_patterns += ["fixtures/README.md"]
exclude_patterns = ["**/node_modules", "**/.venv*"]

html_theme = "furo"
html_extra_path = ["front"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

myst_heading_anchors = 3

suppress_warnings = ["myst.header"]  # a rule is a level-3 heading (spec/README.md)
default_role = "code"  # docstrings write code in single backticks
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
maximum_signature_line_length = 88
