"""Write a case byte by byte, with the trick that its `detail` names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from conformance import tricks_bilevel, tricks_colour, tricks_data, tricks_tags
from conformance.case import Case
from conformance.hand import make_directory
from conformance.pixels import Pixels, make_pixels
from conformance.tricks import Made
from tinycog.testing import make_tiff

TRICKS: Mapping[str, Callable[[Case, Pixels], Made]] = {
    **tricks_tags.TRICKS,
    **tricks_data.TRICKS,
    **tricks_colour.TRICKS,
    **tricks_bilevel.TRICKS,
}


def write(case: Case, path: Path) -> list[Pixels | None]:
    """Write the file; give back the pixels of each level, None where only the readers know."""
    data = make_pixels(case)
    made = TRICKS.get(case.detail, _plain)(case, data)
    order = "<" if case.order == "II" else ">"
    content = make_tiff(made.directories, byte_order=order, big=case.big, layout=made.layout)
    path.write_bytes(content)
    return made.truth


def _plain(case: Case, data: Pixels) -> Made:
    return Made([make_directory(case, data)], [data])
