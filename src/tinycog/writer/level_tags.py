"""The tags of a level that is written, but for where its tiles lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from tinycog.encode.tile import TileEncoder, make_mask_encoder
from tinycog.geo.metadata import Statistics
from tinycog.geo.write_colour import colour_of
from tinycog.geo.write_metadata import NO_ITEMS, metadata_fields
from tinycog.geo.write_tags import georeference_fields, nodata_field
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import Photometric, Tag
from tinycog.writer.design import FileDesign
from tinycog.writer.grid import TileGrid
from tinycog.writer.statistics import Moments


def level_fields(
    design: FileDesign,
    encoder: TileEncoder,
    grid: TileGrid,
    moments: Sequence[Moments] | None = None,
) -> list[Field]:
    """Return the tags of a level.

    Args:
        design: of the file.
        encoder: of the level's tiles.
        grid: of them.
        moments: of each band of the source, empty if no statistics are written; None = the level is
            an overview, which has neither georeference nor metadata.
    """
    dtype, facts = design.source.dtype, design.facts
    stored = {tag: Field(tag, kind, values) for tag, kind, values in encoder.fields}
    told = [
        Photometric(cast("int", values[0]))
        for tag, _, values in encoder.fields
        if tag == Tag.PhotometricInterpretation
    ]
    colour = colour_of(
        facts, design.bands, dtype, bits=design.bits, photometric=told[0] if told else None
    )
    fields = [
        *_size_fields(grid),
        *(one for one in colour.fields if one.tag not in stored),
        *stored.values(),
        Field(Tag.SamplesPerPixel, "SHORT", design.bands),
        Field(Tag.PlanarConfiguration, "SHORT", 2 if design.is_planar else 1),
    ]
    if facts.nodata is not None:
        fields.append(nodata_field(facts.nodata, dtype))
    if moments is not None:
        fields += georeference_fields(facts)
        statistics = [statistics_of(one, grid) for one in moments]
        if statistics and design.marks == "alpha":
            statistics.append(None)
        is_by_tile = design.interleave == "tile"  # what GDAL has no other sign of
        fields += metadata_fields(
            facts,
            design.bands,
            roles=colour.roles,
            statistics=statistics,
            structure={"INTERLEAVE": "TILE"} if is_by_tile else NO_ITEMS,
        )
    return fields


def mask_fields(grid: TileGrid) -> list[Field]:
    """Return the tags of the masks of a level."""
    encoder = make_mask_encoder(grid.tile, grid.tile)
    return [
        *_size_fields(grid),
        *(Field(tag, kind, values) for tag, kind, values in encoder.fields),
        Field(Tag.SamplesPerPixel, "SHORT", 1),
        Field(Tag.PlanarConfiguration, "SHORT", 1),
    ]


def _size_fields(grid: TileGrid) -> list[Field]:
    return [
        Field(Tag.ImageWidth, "LONG", grid.cols),
        Field(Tag.ImageLength, "LONG", grid.rows),
        Field(Tag.TileWidth, "LONG", grid.tile),
        Field(Tag.TileLength, "LONG", grid.tile),
    ]


def statistics_of(moments: Moments, grid: TileGrid) -> Statistics | None:
    """Return the statistics of a band; None if it has no valid pixel, or they are not finite."""
    if not (moments.pixels and math.isfinite(moments.mean) and math.isfinite(moments.squares)):
        return None
    percent = 100 * moments.pixels / (grid.rows * grid.cols)
    return Statistics(moments.lowest, moments.highest, moments.mean, moments.deviation, percent)
