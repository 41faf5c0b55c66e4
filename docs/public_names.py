"""What the documentation site knows of the package: a page of reference for every public name.

The lists are those of docs/api.md, one section a page, so that a name has one place; docstrings say
the rest. Code such as `Cog.read` leads to that name from any page.
"""

from __future__ import annotations

import inspect
import re
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx import addnodes
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import tinycog

if TYPE_CHECKING:
    from sphinx.application import Sphinx

API = Path(__file__).parent / "api.md"
FOREIGN = (
    "tuple, int, str, dict, Enum, IntEnum, StrEnum, Exception, BaseException, Protocol, Generic"
)
"""Bases whose own members say nothing of tinycog."""

NAPOLEON = Config(napoleon_use_ivar=True)


def names_by_section() -> dict[str, list[str]]:
    """Return the public names of `tinycog`, by the sections of docs/api.md."""
    sections = re.split(r"^## ", API.read_text(), flags=re.MULTILINE)[1:]
    listed = re.compile(r"^- `(\w+)` - ", re.MULTILINE)
    return {text.partition("\n")[0]: listed.findall(text) for text in sections}


def names_of_module(name: str) -> list[str]:
    """Return the names of a public module that the face does not have."""
    module = import_module(name)
    listed = getattr(module, "__all__", None) or [
        key for key, value in vars(module).items() if getattr(value, "__module__", "") == name
    ]
    return [
        key
        for key in listed
        if not key.startswith("_")
        and getattr(module, key) is not getattr(tinycog, key, None)
        and not inspect.ismodule(getattr(module, key))
    ]


def directive_for(module: str, name: str) -> str:
    """Return the directive of autodoc that documents a name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = getattr(import_module(module), name)
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        options = f"   :members:\n   :inherited-members: {FOREIGN}\n"
        if module == "tinycog.sync":  # the methods are those of the class of the same name
            options = ""
        return f".. {kind}:: {module}.{name}\n{options}"
    kind = "autofunction" if callable(value) and hasattr(value, "__code__") else "autodata"
    return f".. {kind}:: {module}.{name}\n"


class PublicNames(SphinxDirective):
    """`.. public-names:: SECTION`, of docs/api.md; or the name of a module."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Document them."""
        asked = self.arguments[0]
        self.env.note_dependency(str(API))
        if asked.startswith("tinycog."):
            module, names = asked, names_of_module(asked)
        else:
            module, names = "tinycog", names_by_section()[asked]
        text = "\n".join(directive_for(module, name) for name in names)
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def read_sections(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Make fields of the sections of a docstring: Args, Returns, Raises, Attributes.

    The extension that does so by itself takes what stands before a colon in a property's docstring
    for a type.
    """
    del app
    what = "method" if what in ("property", "attribute", "data") else what
    lines[:] = GoogleDocstring(lines, NAPOLEON, None, what, name, obj, options).lines()


class PublicLinks(SphinxPostTransform):
    """Make links of code that is a public name, and of names in signatures.

    Before Sphinx does the latter: it takes `bytes` for an attribute of whatever class has one.
    """

    default_priority = 5

    def run(self, **_: object) -> None:
        """Link what is documented; leave the rest as it is."""
        for literal in list(self.document.findall(nodes.literal)):
            if not isinstance(literal.parent, nodes.reference):
                self.link(literal, literal.astext().removesuffix("()"), [literal.deepcopy()])
        for reference in list(self.document.findall(addnodes.pending_xref)):
            if reference["refdomain"] == "py":
                children = [child.deepcopy() for child in reference.children]
                if not self.link(reference, reference["reftarget"], children):
                    reference.replace_self(children)

    def link(self, node: nodes.Element, name: str, shown: list[nodes.Node]) -> bool:
        """Replace a node by a link to a name; tell whether there is such a name."""
        objects = self.env.domains.python_domain.objects
        names = (name, f"tinycog.{name}", f"tinycog.{name.rpartition('.')[2]}")
        found = next((objects[one] for one in names if one in objects), None)
        if found is None or found.aliased or (found.objtype == "module"):
            return False
        docname = self.env.docname
        link = make_refnode(self.app.builder, docname, found.docname, found.node_id, shown)
        node.replace_self(link)
        return True


def leave_out_absent(app: Sphinx, docname: str, source: list[str]) -> None:
    """Leave pages out of the navigation that this checkout does not have.

    A name that is misspelt is still found: its page is then in no navigation, which is a warning.
    """
    if docname == app.config.root_doc:
        named = re.compile(r"[a-z][\w/-]*")
        source[0] = "\n".join(
            line
            for line in source[0].splitlines()
            if named.fullmatch(line) is None or any(API.parent.glob(f"{line}.*"))
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.connect("source-read", leave_out_absent)
    app.connect("autodoc-process-docstring", read_sections)
    app.add_post_transform(PublicLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
