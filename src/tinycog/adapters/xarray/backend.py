"""The engine "tinycog": what xarray calls to open a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xarray
from xarray.backends import BackendEntrypoint

import tinycog
import tinycog.sync
from tinycog.adapters.cf import GRID_MAPPING
from tinycog.adapters.xarray.attributes import item_attrs
from tinycog.adapters.xarray.coordinates import band_numbers, palette, pixel_centres
from tinycog.adapters.xarray.file_facts import FileFacts
from tinycog.adapters.xarray.grid_mapping import grid_mapping
from tinycog.adapters.xarray.variables import data_variable, mask_variable

MASK = "mask"
COLORMAP = "colormap"

DECODERS = frozenset(
    ("concat_characters", "decode_coords", "decode_timedelta", "decode_times", "use_cftime")
)
"""Options of xarray that find nothing to do: no such values are in a TIFF."""

RESERVED_NAMES = frozenset(("band", "x", "y", "xc", "yc", GRID_MAPPING, COLORMAP, MASK))
"""Names that no description gives to a variable."""


LEVEL_OPTIONS = (
    *("drop_variables", "mask_and_scale"),
    *("band_as_variable", "parse_coordinates", "default_name"),
)
"""Options of `open_dataset` that a tree passes on for each level."""


class TinycogBackendEntrypoint(BackendEntrypoint):
    """`xr.open_dataset(where, engine="tinycog")`; files are never claimed unless asked by name."""

    description = "TIFF, BigTIFF and COG over HTTP ranges, without GDAL"
    supports_groups = True
    open_dataset_parameters = ("filename_or_obj", "level", *LEVEL_OPTIONS)

    def guess_can_open(self, filename_or_obj: object) -> bool:
        """Return False: what opens with another engine today opens with it tomorrow."""
        del filename_or_obj
        return False

    def open_dataset(  # pyright: ignore[reportIncompatibleMethodOverride] - more is accepted
        self,
        filename_or_obj: Any,  # noqa: ANN401 - whatever `tinycog.open` takes, and handles
        *,
        drop_variables: str | Iterable[str] | None = None,
        mask_and_scale: bool | Mapping[str, bool] = True,
        level: int = 0,
        band_as_variable: bool = False,
        parse_coordinates: bool | None = True,
        default_name: str = "band_data",
        **options: Any,  # noqa: ANN401 - those of `tinycog.open`
    ) -> xarray.Dataset:
        """Open a level of a file, lazily.

        Args:
            filename_or_obj: what `tinycog.open` takes: a url, a path, bytes, a function; or a
                handle, which is not closed with the dataset.
            drop_variables: names to leave out.
            mask_and_scale: return values: NaN where pixels are not valid by the file's mask, nodata
                or alpha, sample * scale + offset where the file scales. By default, or by name of a
                variable.
            level: 0 = full resolution.
            band_as_variable: make each band a variable, named by its description, else `band_1`.
            parse_coordinates: make coordinates of the centres of pixels.
            default_name: name of the variable that holds all bands.
            options: those of `tinycog.open`.

        Raises:
            TinycogError: the file cannot be opened, or has no such level.

        Cost: that of opening: 1 request, and what lies beyond the first 32 KiB of a header. A read
        costs what `Cog.read` of the window costs.
        """
        cog, is_own = _open(filename_or_obj, options)
        levels = cog.levels
        if not 0 <= level < len(levels):
            message = f"level {level} does not exist (levels 0 to {len(levels) - 1})"
            raise tinycog.TileIndexError(message)
        found = _make_dataset(
            FileFacts.of(cog, levels[level]),
            name=None if band_as_variable else default_name,
            mask_and_scale=mask_and_scale,
            parse_coordinates=parse_coordinates is not False,
        )
        if drop_variables is not None:
            found = found.drop_vars(drop_variables, errors="ignore")
        found.encoding["source"] = cog.name
        if is_own:
            found.set_close(cog.close)
        return found

    def open_groups_as_dict(  # pyright: ignore[reportIncompatibleMethodOverride] - likewise
        self,
        filename_or_obj: Any,  # noqa: ANN401 - likewise
        **options: Any,  # noqa: ANN401 - likewise
    ) -> dict[str, xarray.Dataset]:
        """Open all levels: `/0` is full resolution, `/` is empty; options as for `open_dataset`.

        Raises:
            TinycogError: as for `open_dataset`.

        Cost: that of opening, once.
        """
        own = {name: options.pop(name) for name in LEVEL_OPTIONS if name in options}
        cog, is_own = _open(filename_or_obj, options)
        root = xarray.Dataset()
        root.encoding["source"] = cog.name
        if is_own:
            root.set_close(cog.close)
        levels = {
            f"/{level.z}": self.open_dataset(cog, level=level.z, **own) for level in cog.levels
        }
        return {"/": root, **levels}

    def open_datatree(  # pyright: ignore[reportIncompatibleMethodOverride] - likewise
        self,
        filename_or_obj: Any,  # noqa: ANN401 - likewise
        **options: Any,  # noqa: ANN401 - likewise
    ) -> xarray.DataTree:
        """Open all levels, a node each: `tree["0"]` is full resolution; see `open_dataset`.

        Raises:
            TinycogError: as for `open_dataset`.

        Cost: that of opening, once.
        """
        groups = self.open_groups_as_dict(filename_or_obj, **options)
        tree = xarray.DataTree.from_dict(groups)  # pyright: ignore[reportUnknownMemberType]
        tree.set_close(groups["/"].close)
        tree.encoding = groups["/"].encoding
        return tree


def _open(where: Any, options: Mapping[str, Any]) -> tuple[tinycog.sync.Cog, bool]:  # noqa: ANN401
    """Return an open handle, and whether it was made here.

    Raises:
        UsageError: options of `tinycog.open` come with a handle, which is open already.
    """
    options = {name: value for name, value in options.items() if name not in DECODERS}
    if isinstance(where, tinycog.Cog | tinycog.sync.Cog):
        if options:
            message = f"options of tinycog.open beside a handle: {', '.join(options)}"
            raise tinycog.UsageError(message)
        return where if isinstance(where, tinycog.sync.Cog) else tinycog.sync.Cog(where), False
    return tinycog.sync.open(where, **options), True


def _make_dataset(
    facts: FileFacts,
    *,
    name: str | None,
    mask_and_scale: bool | Mapping[str, bool],
    parse_coordinates: bool,
) -> xarray.Dataset:
    """Make the dataset of a level, of one variable by that name, or of one for each band."""
    if name is None:
        bands = {each: [band] for band, each in enumerate(_names(facts.descriptions))}
    else:
        bands = {name: range(facts.count)}
    has_bands = name is not None
    decoded = {
        each: mask_and_scale.get(each, True)
        if isinstance(mask_and_scale, Mapping)
        else mask_and_scale
        for each in bands
    }
    found = {
        each: data_variable(facts, own, has_bands=has_bands, decode=decoded[each])
        for each, own in bands.items()
    }
    if facts.has_mask and not all(decoded.values()):
        found[MASK] = mask_variable(facts)
    coords = {GRID_MAPPING: grid_mapping(facts)}
    if has_bands:
        coords["band"] = band_numbers(facts)
    if parse_coordinates:
        coords |= pixel_centres(facts)
    if (colours := palette(facts)) is not None:
        coords[COLORMAP] = colours
    return xarray.Dataset(found, coords, {} if has_bands else item_attrs(facts.tags))


def _names(descriptions: Sequence[str]) -> list[str]:
    """Return a name for each band: its description if no other has the same, else `band_1`."""
    counts = Counter(descriptions)
    return [
        text if text and counts[text] == 1 and text not in RESERVED_NAMES else f"band_{band}"
        for band, text in enumerate(descriptions, 1)
    ]
