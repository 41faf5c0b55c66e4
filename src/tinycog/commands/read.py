"""`tinycog read FILE -o OUT`: an area of a file, to an array, a picture, a TIFF or zarr."""

from __future__ import annotations

import argparse
import math
from typing import Any

import tinycog
from tinycog.checks import check_bands
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import each_request
from tinycog.commands.progress import shown_progress, watched
from tinycog.commands.saving import OutputFile, note, output_file, save_raster
from tinycog.commands.selecting import OF_VALUES, add_area, add_values, area_of
from tinycog.errors import UsageError

ENDINGS = (".npy", ".png", ".tif", ".tiff", ".zarr")

EXTRAS = {".zarr": ("zarr", "zarr")}

NOT_OF_ZARR = (*OF_VALUES, "level", "boundless")
"""Options that `tinycog.export`, which writes zarr, has not."""


EXAMPLES = (
    "tinycog read image.tif --window 0 0 256 256 -o part.npy",
    "tinycog read image.tif --bounds 9 47 10 48 --crs EPSG:4326 -o part.tif",
    "tinycog read image.tif --shape 100 100 --resampling average -o small.png",
    "tinycog read image.tif --level 2 -o - > small.npy",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE -o PATH"
    parser.description = (
        "Read an area of a file, and write it as .npy (samples), .png (a picture), .tif (a COG) or"
        " .zarr (a group that xarray opens). tinycog export does so for areas that are larger than"
        " the memory."
    )
    add_file(parser)
    parser.add_argument(
        "-o", "--out", required=True, metavar="PATH", help="file to write, or - for stdout"
    )
    parser.add_argument("--format", choices=("npy", "png", "tif"), help="of -o - (npy)")
    add_area(parser)
    add_values(parser)
    parser.add_argument(
        "--raw", action="store_true", help="samples as they are in a .png, too, not a picture"
    )
    add_open_options(parser)
    parser.set_defaults(run=read)


async def read(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = output_file(args.out, ENDINGS, f".{args.format or 'npy'}", EXTRAS)
    options = area_of(args)
    if args.raw and out.ending != ".png":
        raise UsageError("--raw is of .png: other formats hold samples as they are")
    _check_zarr(out, options)
    async with open_named(args) as cog:
        if out.ending == ".zarr":
            with shown_progress(args, "million pixels", 10**6) as progress:
                export: Any = tinycog.export
                found: tinycog.Exported = await export(
                    cog, out.name, progress=progress, resume=False, **options
                )
            bands, rows, cols = found.shape
            note(f"wrote {out.name}: {bands} x {rows} x {cols}", args)
            return
        with watched(args, cog):
            raster = await cog.read(masked=True, **options)
        facts = _facts(cog, options)
        if raster.nodata is None and raster.mask.all():
            facts["mask"] = "none"
        note(f"{raster}\n{each_request(cog.requests)}", args, out)
    if out.ending in (".tif", ".tiff"):
        await out.write_cog(raster, **facts)
        note(f"wrote {out.shown}", args, out)
    else:
        save_raster(raster, out, args, raw=args.raw)


def _facts(cog: tinycog.Cog, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a TIFF says of bands that a raster does not know."""
    if "rgb" in options:
        return {}
    bands = check_bands(cog.count, None, options.get("indexes"))
    found: dict[str, Any] = {
        "descriptions": [cog.descriptions[band] for band in bands],
        "units": [cog.units[band] for band in bands],
    }
    scales, offsets = ([values[band] for band in bands] for values in (cog.scales, cog.offsets))
    if "scaled" not in options and all(map(math.isfinite, (*scales, *offsets))):
        found |= {"scales": scales, "offsets": offsets}
    return found


def _check_zarr(out: OutputFile, options: dict[str, Any]) -> None:
    wrong = next((name for name in NOT_OF_ZARR if name in options), None)
    if out.ending == ".zarr" and wrong is not None:
        message = (
            f"--{wrong.replace('_', '-')} is not for .zarr: write .npy or .tif, or leave it out"
        )
        raise UsageError(message)
