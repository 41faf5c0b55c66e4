"""Decode tiles without a handle: what a decoder must know of a level, as a JSON document.

For libraries that fetch the bytes themselves: `Cog.tile_facts` and `Cog.tile_ranges` say how and
where, `decode_tile` decodes, without I/O.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypedDict, cast

from numpy.typing import NDArray

from tinycog.checks import check_integer
from tinycog.errors import UsageError
from tinycog.limits import Limits
from tinycog.tiff.image import MAX_SAMPLES, Grid, Image
from tinycog.tiff.parse import Ifd, Value
from tinycog.tracebacks import short_tracebacks

FACTS_VERSION = 1
"""Version of the document; another one is refused."""


class TileRange(NamedTuple):
    """Where a stored tile lies.

    Attributes:
        x, y: column and row of the tile.
        plane: band, counted from 0, where bands are stored in separate planes; else 0.
        offset: absolute position of its first byte; 0 if it is not stored.
        length: number of bytes; 0 if it is not stored.
    """

    x: int
    y: int
    plane: int
    offset: int
    length: int

    @property
    def is_sparse(self) -> bool:
        """True if the tile is not stored: all of it is nodata, or 0."""
        return self.length == 0


class TileFacts(TypedDict):
    """What decoding the tiles of a level needs: a JSON document.

    Sizes are in pixels; codes are those of the tags of these names.
    """

    version: int
    byte_order: Literal["little", "big"]
    width: int
    height: int
    tile_width: int
    tile_height: int
    planes: int
    strips: bool
    depth: int
    tile_depth: int
    plane: int
    samples: int
    bits_per_sample: list[int]
    sample_formats: list[int]
    extra_samples: list[int]
    compression: int
    photometric: int
    predictor: int
    fill_order: int
    nodata: str | None
    options: dict[str, list[float | list[int]] | str | dict[str, str]]


ORDERS: dict[str, Literal["little", "big"]] = {"<": "little", ">": "big"}


def make_facts(image: Image) -> TileFacts:
    """Return the facts of a level."""
    grid = image.grid
    return {
        "version": FACTS_VERSION,
        "byte_order": ORDERS[image.byte_order],
        "width": grid.width,
        "height": grid.height,
        "tile_width": grid.tile_width,
        "tile_height": grid.tile_height,
        "planes": grid.planes,
        "strips": grid.strips,
        "depth": image.depth,
        "tile_depth": image.tile_depth,
        "plane": image.plane,
        "samples": image.samples,
        "bits_per_sample": list(image.bits_per_sample),
        "sample_formats": list(image.sample_formats),
        "extra_samples": list(image.extra_samples),
        "compression": image.compression,
        "photometric": image.photometric,
        "predictor": image.predictor,
        "fill_order": image.fill_order,
        "nodata": image.nodata_text,
        "options": {str(int(tag)): _packed(value) for tag, value in image.options.items()},
    }


def image_of(facts: TileFacts) -> Image:
    """Return the image that facts are of; it has neither an index nor other tags.

    Raises:
        UsageError: these are not facts of a level, or of another version.
    """
    try:
        if facts["version"] != FACTS_VERSION:
            message = f"the facts are of version {facts['version']}, expected {FACTS_VERSION}"
            raise UsageError(message)
        _check_sizes(facts)
        return Image(
            ifd=Ifd(0, {}, 0),
            byte_order="<" if facts["byte_order"] == "little" else ">",
            grid=Grid(
                facts["width"],
                facts["height"],
                facts["tile_width"],
                facts["tile_height"],
                facts["planes"],
                facts["strips"],
            ),
            subfile_type=0,
            compression=facts["compression"],
            photometric=facts["photometric"],
            predictor=facts["predictor"],
            fill_order=facts["fill_order"],
            samples=facts["samples"],
            bits_per_sample=tuple(facts["bits_per_sample"]),
            sample_formats=tuple(facts["sample_formats"]),
            extra_samples=tuple(facts["extra_samples"]),
            offsets=None,
            byte_counts=None,
            options={int(tag): _unpacked(value) for tag, value in facts["options"].items()},
            nodata_text=facts["nodata"],
            findings=(),
            depth=facts["depth"],
            tile_depth=facts["tile_depth"],
            plane=facts["plane"],
        )
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        if isinstance(exc, UsageError):
            raise
        message = f"these are no facts of a level, as Cog.tile_facts gives them: {exc!r}"
        raise UsageError(message) from exc


def _check_sizes(facts: TileFacts) -> None:
    """Check that sizes and counts are whole numbers from 1 on, and that they agree.

    Raises:
        ValueError: they are not.
    """
    grid = (facts["width"], facts["height"], facts["tile_width"], facts["tile_height"])
    counts = (facts["planes"], facts["samples"], facts["depth"], facts["tile_depth"])
    bits, formats = facts["bits_per_sample"], facts["sample_formats"]
    sizes: tuple[Any, ...] = (*grid, *counts)
    codes: tuple[Any, ...] = (*bits, *formats, facts["compression"])
    are_sizes = all(isinstance(size, int) and size > 0 for size in sizes)
    are_codes = all(isinstance(code, int) for code in codes)
    are_samples = bits and formats and counts[1] <= MAX_SAMPLES and counts[0] in (1, counts[1])
    if not (are_sizes and are_codes and are_samples):
        message = f"sizes {grid} and counts {counts} are no whole numbers, or do not agree"
        raise ValueError(message)


def _packed(value: Value) -> list[float | list[int]] | str | dict[str, str]:
    """Return the value of a tag as JSON: bytes in base64."""
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    if isinstance(value, str):
        return value
    return [list(item) if isinstance(item, tuple) else item for item in value]


def _unpacked(value: Sequence[Any] | str | Mapping[str, str]) -> Value:
    if isinstance(value, Mapping):
        return b64decode(value["base64"])
    if isinstance(value, str):
        return value
    pairs = cast("Sequence[float | list[int]]", value)
    items = [tuple(item) if isinstance(item, list) else item for item in pairs]
    return cast("Value", tuple(items))


@short_tracebacks
def decode_tile(
    data: bytes | bytearray | memoryview,
    facts: TileFacts,
    *,
    x: int = 0,
    y: int = 0,
    limits: Limits | None = None,
) -> NDArray[Any]:
    """Decode the bytes of one stored tile, without any I/O.

    ::

        facts = await cog.tile_facts(0)                # kept as JSON
        data = await cog.read_tile_bytes(0, 3, 2)      # or any other way to the bytes
        pixels = tinycog.decode_tile(data, facts, x=3, y=2)

    Args:
        data: the bytes as they are stored.
        facts: of the level, as `Cog.tile_facts` gives them.
        x: tile column: tiles at the right edge may be stored cut.
        y: tile row: the last strip is stored as far as the image reaches.
        limits: of one tile; by default those of a new handle.

    Returns:
        The pixels as (samples, rows, cols), all that are stored, padding included; one sample
        where bands are stored in separate planes.

    Raises:
        UsageError: the facts are none.
        TileIndexError: there is no such tile.
        CorruptTileError, UnsupportedError, LimitError: the bytes cannot be decoded, and why.
    """
    from tinycog.decode.tile import decode_tile as decode  # noqa: PLC0415 - loads imagecodecs

    image = image_of(facts)
    place = (check_integer(x, "x"), check_integer(y, "y"))
    image.grid.indices(*place)
    pixels, _ = decode(image, *place, memoryview(data), limits or Limits())
    return pixels
