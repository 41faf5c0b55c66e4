"""`tinycog info FILE`: what a file is, in a page; its tags; where its bytes lie."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from asyncio import gather
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from math import isfinite
from typing import Any

import tinycog
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import cost, counted, is_ascii, say
from tinycog.commands.saving import note, output_file
from tinycog.errors import FormatError, LimitError, TinycogError, UsageError

MOST_VALUES = 1024
"""Numbers or characters of a tag up to which its value is read."""

MOST_CHARACTERS = 60
"""Characters of a value that are shown."""

MOST_ITEMS = 12
"""Pages, bands, items of metadata that are shown."""


VALID_BY = {
    "all_valid": "all pixels",
    "per_dataset": "by a mask for all bands",
    "nodata": "by nodata",
    "alpha": "by alpha",
}
"""What rasterio's names of mask flags mean."""


EXAMPLES = (
    "tinycog info image.tif",
    "tinycog info https://example.com/image.tif --layout",
    "tinycog info image.tif --json | jq .bounds",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE"
    parser.description = (
        "Print what a file is: size, samples, place, how it is stored, levels, pages, metadata, and"
        " what is odd about it."
    )
    add_file(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document, with the keys of `rio info`"
    )
    parser.add_argument("--tags", action="store_true", help="also list the tags of every IFD")
    parser.add_argument(
        "--ghost", action="store_true", help="also list what GDAL's COG writer says of the layout"
    )
    layout = parser.add_argument_group("where its bytes lie")
    layout.add_argument(
        "--layout", action="store_true", help="also draw the bytes of the file, to scale"
    )
    layout.add_argument("--svg", metavar="PATH", help="write that picture as SVG; - for stdout")
    layout.add_argument(
        "--whole", action="store_true", help="read all of an index of more than 131,072 tiles"
    )
    layout.add_argument("--ascii", action="store_true", help="draw with characters of ASCII alone")
    add_open_options(parser)
    parser.set_defaults(run=info)


async def info(args: argparse.Namespace) -> None:
    """Carry the command out."""
    is_drawn = args.layout or args.svg is not None
    _check(args, is_drawn=is_drawn)
    svg = None if args.svg is None else output_file(args.svg, [".svg"], ".svg")
    async with open_named(args) as cog:
        layout = await cog.layout(whole=args.whole) if is_drawn else None
        if args.json:
            say(json.dumps(await _document(cog, args, layout), indent=2))
        elif args.svg != "-":
            async for line in _page(cog, args, layout):
                say(line)
    if layout is not None and svg is not None:
        svg.write([layout.to_svg().encode()])
        if not svg.is_stdout:
            note(f"wrote {svg.name}", args)


def _check(args: argparse.Namespace, *, is_drawn: bool) -> None:
    """Refuse arguments that have no use, before anything is read.

    Raises:
        UsageError: one of them has none.
    """
    if args.svg == "-" and (args.json or args.tags or args.ghost or args.layout):
        raise UsageError("--svg - writes the picture alone to stdout: give it a name")
    if args.whole and not is_drawn:
        raise UsageError("--whole is of --layout and --svg: it reads the index for them")
    if args.ascii and (args.json or not args.layout):
        raise UsageError("--ascii is of the picture that --layout draws")


async def _document(
    cog: tinycog.Cog, args: argparse.Namespace, layout: tinycog.FileLayout | None
) -> dict[str, Any]:
    found = {"name": cog.name, "size": cog.file_size, **cog.info()}
    found["levels"] = [
        {
            "z": level.z,
            "shape": list(level.shape),
            "tile": list(level.tile_shape),
            "tiles": list(level.grid),
            "compression": level.compression,
            "mask": level.has_mask,
        }
        for level in cog.levels
    ]
    if not vars(args).get("page"):  # pages are known to the first one
        found["pages"] = len(cog.pages)
    if args.tags:
        values = await _values_of(cog.pages)
        found["ifds"] = [
            {
                "path": page.path,
                "role": _role(page),
                "offset": page.offset,
                "tags": {str(name): _in_json(value) for name, value in known.items()},
            }
            for page, known in zip(cog.pages, values, strict=True)
        ]
    if args.ghost:
        found["ghost"] = cog.ghost
    if layout is not None:
        found["layout"] = json.loads(layout.to_json())
    return found


async def _page(
    cog: tinycog.Cog, args: argparse.Namespace, layout: tinycog.FileLayout | None
) -> AsyncIterator[str]:
    """Yield the lines of the page."""
    pages = () if vars(args).get("page") else _pages(cog)
    for line in (*_facts(cog), *pages, *_findings(cog)):
        yield line
    if args.ghost:
        yield ""
        yield "structural metadata of GDAL" if cog.ghost else "no structural metadata of GDAL"
        for name, value in cog.ghost.items():
            yield f"  {name} = {value}"
    if args.tags:
        for page, values in zip(cog.pages, await _values_of(cog.pages), strict=True):
            yield ""
            yield f"IFD {'.'.join(map(str, page.path))} at byte {page.offset:,}: {_role(page)}"
            for name, value in values.items():
                entry = page.tags[name]
                kind = f"{entry.field_type} x {entry.count:,}"
                text = f"at byte {entry.offset:,}" if value is None else _text(value)
                yield f"  {name:<25} {kind:<15} {text}"
    if layout is not None and args.layout:
        yield ""
        columns = shutil.get_terminal_size().columns
        yield layout.to_text(columns, colour=_has_colours(), ascii_only=args.ascii or is_ascii())
    yield ""
    yield f"read by {cost(cog.requests)}"


def _has_colours() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


# --- facts ---------------------------------------------------------------------------------------


def _facts(cog: tinycog.Cog) -> Iterator[str]:
    """Yield what a person wants to know."""
    profile = cog.profile
    dtype = profile["dtype"] or "samples that no numpy type holds"
    size = "" if cog.file_size is None else f": {counted(cog.file_size, 'byte')}"
    yield f"{cog.name}{size}"
    bands = counted(cog.count, "band")
    yield _row("image", f"{cog.width} x {cog.height} pixels, {bands} of {dtype}")
    yield _row("colours", _few([str(colour) for colour in cog.colorinterp]))
    yield from _place(cog)
    yield from _valid(cog)
    yield from _samples(cog)
    yield _row("stored", _stored(cog))
    items = [f"{name}={value}" for name, value in cog.tags().items()]
    for n, item in enumerate(items[:MOST_ITEMS]):
        yield _row("metadata" if not n else "", _short(item))
    if len(items) > MOST_ITEMS:
        yield _row("", f"... and {len(items) - MOST_ITEMS} more: --json")
    yield ""
    yield "levels"
    yield from map(_level, cog.levels)


def _pages(cog: tinycog.Cog) -> Iterator[str]:
    """Yield the pages that are no levels of the first image."""
    others = [page for page in cog.pages if page.of != (0,)]
    if others:
        yield ""
        yield f"further pages{'' if cog.pages.complete else ', as far as they could be read'}"
        yield from (f"  {page}" for page in others[:MOST_ITEMS])
        if len(others) > MOST_ITEMS:
            yield f"  ... and {len(others) - MOST_ITEMS} more"


def _findings(cog: tinycog.Cog) -> Iterator[str]:
    """Yield what is odd about the file."""
    if cog.findings:
        yield ""
        yield "findings"
        yield from (f"  {finding}" for finding in cog.findings)


def _level(level: tinycog.Level) -> str:
    count = level.grid[0] * level.grid[1]
    tiles = counted(count, "strip" if level.image.grid.strips else "tile")
    rows, cols = level.tile_shape
    size = f"{level.width} x {level.height}, {tiles} of {cols} x {rows}"
    return f"  {level.z}  {size}, {level.compression}{', with a mask' if level.has_mask else ''}"


def _valid(cog: tinycog.Cog) -> Iterator[str]:
    """Yield what says which pixels hold anything."""
    profile = cog.profile
    if profile["nodata"] is not None:
        from tinycog.geo.write_tags import number_text  # noqa: PLC0415 - only here

        yield _row("nodata", number_text(profile["nodata"]))
    if profile["dtype"] is not None:
        found = dict.fromkeys(
            " and ".join(VALID_BY[flag] for flag in one) for one in cog.mask_flags
        )
        yield _row("valid", ", or ".join(found))


def _row(name: str, text: str) -> str:
    return f"  {name:<9} {text}"


def _short(text: str) -> str:
    """Return a text as one line that does not fill the terminal."""
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 3]}..."


def _few(texts: Sequence[str]) -> str:
    more = [f"{len(texts) - MOST_ITEMS} more"] if len(texts) > MOST_ITEMS else []
    return ", ".join([*texts[:MOST_ITEMS], *more])


def _place(cog: tinycog.Cog) -> Iterator[str]:
    """Yield where the image lies."""
    crs = cog.crs
    yield _row("CRS", "none" if crs is None else str(crs))
    if cog.gcps:
        yield _row("place", f"{counted(len(cog.gcps), 'ground control point')}")
        return
    a, b, c, d, e, f = tuple(cog.transform)[:6]
    if (a, b, c, d, e, f) == (1, 0, 0, 0, 1, 0):
        by = "by coefficients (RPC) alone" if cog.rpcs is not None else "none: no transform"
        yield _row("place", by)
        return
    yield _row("pixels", f"{a:.12g} x {e:.12g}{f', rotated by {b:.6g}, {d:.6g}' if b or d else ''}")
    left, bottom, right, top = cog.bounds
    yield _row("bounds", f"{left:.12g}, {bottom:.12g}, {right:.12g}, {top:.12g}")
    try:
        lon, lat = cog.lnglat()
    except TinycogError:  # no CRS, one that PROJ does not know, no pyproj
        return
    yield _row("centre", f"longitude {lon:.6f}, latitude {lat:.6f}")


def _samples(cog: tinycog.Cog) -> Iterator[str]:
    """Yield what samples of each band mean, where the file says more than numbers."""
    texts: list[str] = []
    facts = zip(cog.descriptions, cog.units, cog.scales, cog.offsets, strict=True)
    for n, (name, unit, scale, offset) in enumerate(facts, 1):
        parts = [_short(name)] if name else []
        sign = "-" if offset < 0 else "+"
        parts += [f"sample * {scale:g} {sign} {abs(offset):g}"] if (scale, offset) != (1, 0) else []
        parts += [f"in {_short(unit)}"] if unit else []
        if parts:
            texts.append(f"{n}: {', '.join(parts)}")
    for n, text in enumerate(texts[:MOST_ITEMS]):
        yield _row("bands" if not n else "", text)
    if len(texts) > MOST_ITEMS:
        yield _row("", f"... and {len(texts) - MOST_ITEMS} more: --json")


def _stored(cog: tinycog.Cog) -> str:
    """Return how pixels are stored, in GDAL's words."""
    profile = cog.profile
    order = {"pixel": "pixel by pixel", "band": "band by band"}[profile["interleave"]]
    bands = f", {order}" if cog.count > 1 else ""
    return f"{cog.variant}, {profile['compress']}, {profile['photometric']}{bands}"


# --- tags ----------------------------------------------------------------------------------------


def _role(page: tinycog.Page) -> str:
    return page.role if page.z is None else f"{page.role} {page.z}"


async def _values_of(
    pages: Sequence[tinycog.Page],
) -> list[dict[str | int, tinycog.TagValue | None]]:
    """Return the values of the tags of pages; None for what is long, or cannot be read."""
    return await gather(*map(_values, pages))


async def _values(page: tinycog.Page) -> dict[str | int, tinycog.TagValue | None]:
    short = [name for name, entry in page.tags.items() if entry.count <= MOST_VALUES]
    found: dict[str | int, tinycog.TagValue | None] = dict.fromkeys(page.tags)
    if not short:
        return found
    try:
        return found | await page.tags.read(*short)
    except (FormatError, LimitError):  # one of them lies beyond the end of the file, for one
        for name in short:
            with suppress(FormatError, LimitError):
                found[name] = await page.tags[name]
    return found


def _text(value: tinycog.TagValue) -> str:
    if isinstance(value, tuple) and len(value) == 1:
        return str(value[0])
    return _short(value if isinstance(value, str) else repr(value))


def _in_json(value: tinycog.TagValue | None) -> object:
    """Return a value as JSON has it: bytes in hexadecimal, numbers that are not finite as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [str(one) if isinstance(one, float) and not isfinite(one) else one for one in value]
    return value
