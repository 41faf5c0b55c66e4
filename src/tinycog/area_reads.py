"""Reads of areas, points and web tiles: of a file, or of many that are read as one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from tinycog.checks import (
    check_bands,
    check_errors,
    check_integer,
    check_method,
    check_points,
    check_shape,
    check_size,
)
from tinycog.errors import UsageError
from tinycog.image_facts import ImageFacts
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tinycog.argument_types import (
        AreaOptions,
        CrsLike,
        ErrorHandling,
        GeometryLike,
        PointOptions,
        ReadOptions,
        ResamplingLike,
        WarpResamplingLike,
        WindowLike,
    )
    from tinycog.fetch.plan import Plan
    from tinycog.pixels.arrays import Pixels
    from tinycog.raster import Raster
    from tinycog.reader.oriented import FileOrientation
    from tinycog.reader.pixel_file import PixelFile
    from tinycog.reader.read_points import PointPixels, Values

FLOAT64_BYTES = 8


@short_tracebacks
class AreaReads(ImageFacts):
    """What reads areas at any shape: `Cog`, and mosaics of them."""

    @abstractmethod
    def _pixels(self) -> PixelFile:
        """Return what is read."""

    async def read(
        self,
        indexes: Iterable[int] | int | None = None,
        *,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        geometry: GeometryLike | None = None,
        crs: CrsLike | None = None,
        all_touched: bool = False,
        level: int | None = None,
        shape: Sequence[int] | None = None,
        res: float | Sequence[float] | None = None,
        bands: Iterable[int] | int | None = None,
        resampling: ResamplingLike = "nearest",
        boundless: bool = False,
        crop: bool = False,
        fill_value: float | None = None,
        pad_to: int | None = None,
        masked: bool | None = None,
        out: Pixels | None = None,
        max_bytes: int | None = None,
        errors: ErrorHandling = "raise",
        scaled: bool = False,
        rgb: bool = False,
        oriented: bool = False,
    ) -> Raster:
        """Read an area: a window, bounds or a geometry of a level, at any shape.

        ::

            await cog.read(1)                              # the first band, as in rasterio
            await cog.read(window=(0, 0, 256, 256))
            await cog.read(bounds=(9, 47, 10, 48), crs="EPSG:4326", shape=(512, 512))

        Args:
            indexes: bands to read, counted from 1 as in rasterio, in the order of the result. One
                index gives one band of three dimensions, too.
            window: (col_off, row_off, width, height) in pixels of `level`, or of level 0 if no
                level is given; None is all of it.
            bounds: (left, bottom, right, top) instead of a window: all pixels that they touch. Of
                longitudes, left > right goes over the antimeridian; a full turn more or less is the
                same place. Bounds of another CRS are those that hold all of them in the file's.
            geometry: an area instead: GeoJSON of polygons, or an object with `__geo_interface__`.
                The window is that of its bounds; pixels whose centre lies outside of it are not
                valid, and what holds no pixel inside is not fetched. Edges are straight in its CRS.
            crs: CRS of `bounds` or `geometry`, if not the file's: a code ("EPSG:4326"), WKT, a
                `pyproj.CRS`. Needs the extra `geo`. That of a geometry may be its attribute `crs`.
            all_touched: take pixels of which the geometry touches any part for inside, too.
            level: 0 = full resolution. By default `shape` or `res` pick a level as GDAL does, else
                it is 0.
            shape: (rows, cols) of the result; if it is not the window's, pixels are resampled.
            res: pixel size of the result instead, a number or (x, y), in units of the file's CRS.
            bands: the same, counted from 0; None is all. Where bands are stored in separate planes,
                only these are fetched.
            resampling: a member of rasterio's `Resampling`, or its name:
                "nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "gauss", "average" (or
                "mean"), "rms", "sum", "mode", "min", "max", "med", "q1", "q3", "sample" (the top
                left pixel); masked pixels do not contribute.
            boundless: allow a window that reaches over the image's edge: nodata, or 0, lies there.
            crop: read what lies inside of a window that reaches over the image's edge.
            fill_value: value of the pixels outside of the image, with `boundless`, or of
                `geometry`, and of those of `pad_to`, instead of nodata or 0.
            pad_to: append rows below and columns at the right up to multiples of this, for models;
                they are not valid, and nothing is fetched for them. Not together with `oriented`.
            masked: what `Raster.mask` is made of: a mask image, else nodata, else alpha (where GDAL
                takes it for a mask). None, the default, reads a mask image along with the pixels if
                the header that has been read names one; True reads the whole header first, and
                works the masks out at once; False reads none, and the raster does not know its
                mask. Where pixels are blended, invalid ones are left out in any case.
            out: array to put the pixels into: (bands, rows, cols) and the file's dtype. After an
                error or a cancellation its contents are undefined, and may still change.
            max_bytes: largest result to allocate, in bytes, below `Limits.result_bytes`.
            errors: as for `read_tile`.
            scaled: return values, sample * scale + offset by the file's metadata, in float64, NaN
                where they are not valid; not together with `rgb`, `out` or `masked=False`.
            rgb: as for `read_tile`; not together with `bands` or `out`.
            oriented: return the picture as the tag Orientation of level 0 says to show it, flipped
                or turned; not together with `out`. `window` and `bounds` mean the same pixels and
                places as without, and so do `Raster.window` (as stored), `transform` and `bounds`;
                `shape` is that of the result. By default rows and columns are as stored.

        Returns:
            The pixels as (bands, rows, cols).

        Raises:
            UsageError: an argument is wrong, the window reaches over the edge, or bounds or a
                geometry are given of a file that has control points, or a CRS, but no transform.
            TileIndexError: there is no such level.
            LimitError: the result is larger than `max_bytes` or a limit.
            FormatError, UnsupportedError, SourceError: as for `read_tile`.

        Cost: tiles that lie side by side in the file share a request, so in a COG one for each row
        of tiles; no tile is read twice; `plan` says how many.
        """
        if rgb and not (bands is None and indexes is None and out is None):
            message = (
                "rgb=True makes bands and pixels of its own: leave out bands=, indexes= and out="
            )
            raise UsageError(message)
        if scaled:
            if rgb or out is not None or masked is False:
                message = "scaled=True makes values of its own: leave out rgb=, out=, masked=False"
                raise UsageError(message)
            masked = True
        turn = await self._orientation(oriented=oriented, out=out, pad_to=pad_to)
        shape = shape if turn is None else turn.stored_shape(shape)
        from tinycog.reader.arguments import ReadArguments, resolve  # noqa: PLC0415 - no tile needs it
        from tinycog.reader.read_window import read_area  # noqa: PLC0415 - the same

        arguments = ReadArguments(
            *(window, bounds, crs, level, shape, res, resampling, crop),
            *(geometry, all_touched, pad_to),
        )
        source, request = await resolve(
            self._pixels(),
            arguments,
            bands,
            indexes,
            boundless=boundless,
            masked=masked,
            out=out,
            errors=errors,
            fill_value=fill_value,
        )
        rows, cols = request.area.shape
        itemsize = max(source.image.dtype.itemsize, FLOAT64_BYTES if scaled else 0)
        length = len(request.bands) * rows * cols * itemsize
        limits = self._pixels().limits
        if max_bytes is not None:
            limits = replace(limits, result_bytes=check_integer(max_bytes, "max_bytes"))
        limits.check("result_bytes", length, "bytes of the result")
        raster = await read_area(self._pixels().windows, source, request)
        if scaled:
            from tinycog.reader.scaled import to_scaled_raster  # noqa: PLC0415 - only here

            raster = await to_scaled_raster(self._pixels(), raster, request.bands)
        elif rgb:
            from tinycog.reader.colours import to_rgb_raster  # noqa: PLC0415 - only here

            raster = await to_rgb_raster(self._pixels(), raster)
        return raster if turn is None else turn.turn(raster)

    async def _orientation(
        self, *, oriented: bool, out: object, pad_to: object
    ) -> FileOrientation | None:
        """Return how a result is turned; None where it is not.

        Raises:
            UsageError: the result goes into an array of the caller, or is padded.
        """
        if not oriented:
            return None
        if out is not None:
            message = "oriented=True turns pixels after they were read: leave out out="
            raise UsageError(message)
        if pad_to is not None:
            message = (
                "oriented=True turns pixels, and pad_to= those that are appended: leave one out"
            )
            raise UsageError(message)
        from tinycog.reader.oriented import FileOrientation  # noqa: PLC0415 - only here

        return await FileOrientation.read(self._pixels())

    async def read_level(self, z: int, **options: Unpack[ReadOptions]) -> Raster:
        """Read a whole level: `read(level=z)`, with the options, errors and cost of `read`."""
        return await self.read(level=z, **options)

    async def preview(self, max_size: int = 512, **options: Unpack[AreaOptions]) -> Raster:
        """Read the whole image at a size that fits `max_size` rows and columns.

        The level to read is picked as for `shape`; an image is never enlarged. Options, errors and
        cost are those of `read`.
        """
        image = await self._pixels().image(0)
        width, height = image.size
        factor = max(width, height) / check_size(max_size, "max_size")
        if factor > 1:
            shape = max(round(height / factor), 1), max(round(width / factor), 1)
            turn = await self._orientation(
                oriented=options.get("oriented", False), out=None, pad_to=options.get("pad_to")
            )
            options.setdefault("shape", shape if turn is None else turn.turned(shape))
        return await self.read(**options)

    async def point(
        self,
        x: float,
        y: float,
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
    ) -> NDArray[Any]:
        """Read the values of the pixel that a point lies in.

        Args:
            x: first coordinate: easting or longitude.
            y: second coordinate: northing or latitude.
            crs: as for `points`.
            level: as for `points`.
            bands: as for `points`.
            indexes: as for `points`.
            errors: as for `points`.

        Returns:
            One value for each band, (bands,), in the file's dtype.

        Raises:
            UsageError: the point lies outside of the image; and as for `points`.

        Cost: that of one tile.
        """
        values = await self.points(
            [(x, y)], crs=crs, level=level, bands=bands, indexes=indexes, errors=errors
        )
        if not values.inside[0]:
            message = f"the point {(x, y)} lies outside of the image"
            raise UsageError(message)
        return values.data[0]

    async def points(
        self,
        points: Iterable[Sequence[float]],
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
        whole_tiles: bool = True,
    ) -> Values:
        """Read the values of the pixels that points lie in.

        Args:
            points: pairs (x, y), or an array (points, 2), in coordinates of the file or of `crs`.
            crs: CRS of the points, if not the file's; needs the extra `geo`.
            level: 0 = full resolution.
            bands: as for `read`.
            indexes: as for `read`.
            errors: as for `read_tile`.
            whole_tiles: fetch whole tiles, whose checksums and lengths are compared. False saves a
                third of the bytes of tiles that hold a point or two: of Deflate, LZW and other
                streams only what should hold the rows is fetched, and a tile that was damaged where
                it is stored may give wrong values. Of tiles without compression only rows are
                fetched, either way (tiff.tile.prefix).

        Returns:
            `data` (points, bands); `mask` (points,): True where the pixel is valid in any band;
            `inside` (points,): True where there is a pixel; `band_masks` (points, bands): True
            where the sample is valid. Outside there is nodata, or 0.

        Raises:
            UsageError: the points are not pairs of numbers, or the CRS is unknown.
            TileIndexError, FormatError, UnsupportedError, SourceError: as for `read_tile`.

        Cost: each tile that holds a point is read once, however many it holds; without
        `whole_tiles`, in one request more at most where its first bytes did not suffice.
        """
        from tinycog.reader.read_points import read_points  # noqa: PLC0415 - no tile needs it

        handling = check_errors(errors)
        options: PointOptions = {
            "crs": crs,
            "level": level,
            "bands": bands,
            "indexes": indexes,
            "whole_tiles": whole_tiles,
        }
        asked = await self._asked_points(points, options)
        return await read_points(self._pixels().windows, asked, handling)

    async def _asked_points(
        self, points: Iterable[Sequence[float]], options: PointOptions
    ) -> PointPixels:
        """Return the pixels that points lie in; the header is read for it."""
        from tinycog.geo.windows import pixels_of  # noqa: PLC0415 - what a tile does not need
        from tinycog.reader.read_points import PointPixels  # noqa: PLC0415 - the same

        checked, crs = check_points(points), options.get("crs")
        level = check_integer(options.get("level", 0), "level")
        source = await self._pixels().level(level)
        if crs is not None:
            from tinycog.geo.transformer import into_crs  # noqa: PLC0415 - other CRSs only

            checked = into_crs(checked, crs, source.georeference.place())
        bands = check_bands(source.image.samples, options.get("bands"), options.get("indexes"))
        pixels = pixels_of(checked, source.georeference.grid(source.image.size))
        cut = "rows" if options.get("whole_tiles", True) else "prefix"
        return PointPixels(source, level, pixels, bands, cut)

    async def _plan_points(self, points: Iterable[Sequence[float]], options: PointOptions) -> Plan:
        """Return the requests of `points` with these options; see `Cog.plan`."""
        from tinycog.reader.read_points import plan_points  # noqa: PLC0415 - no tile needs it

        check_errors(options.get("errors", "raise"))
        asked = await self._asked_points(points, options)
        return await plan_points(self._pixels().windows, asked)

    async def read_web_tile(
        self,
        zoom: int,
        x: int,
        y: int,
        *,
        tilesize: int = 256,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "bilinear",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster:
        """Read a web tile (XYZ, Web Mercator), with its mask.

        Where the stored tiles are web tiles of that size, the stored one is returned as it is.
        Otherwise pixels are warped from the level that suits, with coordinates accurate to a
        hundredth of a pixel.

        Args:
            zoom: zoom level of the web tile, 0 = one tile for the world.
            x: column of the web tile, from the west.
            y: row of the web tile, from the north.
            tilesize: rows and columns of the result.
            level: that pixels are taken from, 0 = full resolution; by default the one that suits.
            bands: as for `read`.
            indexes: as for `read`.
            resampling: "nearest", "bilinear", "cubic" or "average", as for `read`.
            errors: as for `read_tile`.
            rgb: as for `read_tile`; not together with `bands`.

        Returns:
            The pixels as (bands, tilesize, tilesize), in EPSG:3857.

        Raises:
            UsageError: there is no such web tile, the file names no CRS, or pyproj is not
                installed (files in Web Mercator do not need it).
            TileIndexError: there is no such level.
            FormatError, UnsupportedError, SourceError: as for `read_tile`.

        Cost: that of the window of the level that it needs; 0 if the tile lies outside.
        """
        from tinycog.reader.colours import to_rgb_raster  # noqa: PLC0415 - no tile needs it
        from tinycog.reader.read_web_tile import WebTile, read_web_tile  # noqa: PLC0415 - only here

        check_colours(bands, indexes, rgb=rgb)
        place = (check_integer(zoom, "zoom"), check_integer(x, "x"), check_integer(y, "y"))
        tile = WebTile(*place, tilesize, None if level is None else check_integer(level, "level"))
        handling = check_errors(errors)
        chosen = check_bands((await self._pixels().image(0)).samples, bands, indexes)
        raster = await read_web_tile(self._pixels(), tile, chosen, resampling, handling)
        return await to_rgb_raster(self._pixels(), raster) if rgb else raster

    async def read_warped(
        self,
        *,
        transform: Iterable[float],
        shape: Sequence[int],
        crs: CrsLike | None = None,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "nearest",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster:
        """Read the pixels of a grid of any CRS, as rasterio's `WarpedVRT` does.

        Pixels are warped from the level that suits, with coordinates accurate to a hundredth of a
        pixel.

        Args:
            transform: from (col, row) of the result to (x, y), an `Affine` or six numbers.
            shape: (rows, cols) of the result.
            crs: of the coordinates, if not the file's; needs the extra `geo`.
            level: that pixels are taken from, 0 = full resolution; by default the one that suits.
            bands: as for `read`.
            indexes: as for `read`.
            resampling: "nearest", "bilinear", "cubic" or "average", as for `read`.
            errors: as for `read_tile`.
            rgb: as for `read_tile`; not together with `bands`.

        Returns:
            The pixels as (bands, rows, cols), with their mask; outside of the image there is
            nodata, or 0.

        Raises:
            UsageError: an argument is wrong, or the file names no CRS and `crs` is given.
            TileIndexError: there is no such level.
            FormatError, UnsupportedError, SourceError: as for `read_tile`.

        Cost: that of the window of the level that it needs; 0 if the grid lies outside.
        """
        from tinycog.affine_math import coefficients  # noqa: PLC0415 - what a tile does not need
        from tinycog.geo.given_crs import given_crs  # noqa: PLC0415 - what a tile does not need
        from tinycog.geo.transform import make_affine  # noqa: PLC0415 - the same
        from tinycog.pixels.methods import WARPING, method_for  # noqa: PLC0415 - the same
        from tinycog.reader.colours import to_rgb_raster  # noqa: PLC0415 - the same
        from tinycog.reader.read_warped import TargetGrid, read_warped  # noqa: PLC0415 - only here

        check_colours(bands, indexes, rgb=rgb)
        z = None if level is None else check_integer(level, "level")
        file = self._pixels()
        await file.read_all()
        try:
            affine = make_affine(*coefficients(transform))
        except (TypeError, ValueError) as exc:
            message = f"transform is an Affine or its six numbers, not {transform!r}"
            raise UsageError(message) from exc
        place = file.georeference.crs if crs is None else given_crs(crs)
        target = TargetGrid(affine, place, check_shape(shape))
        image = await file.image(0)
        chosen = check_bands(image.samples, bands, indexes)
        method = method_for(image.photometric, check_method(resampling, WARPING))
        raster = await read_warped(file, target, chosen, method, check_errors(errors), z)
        return await to_rgb_raster(file, raster) if rgb else raster

    async def _plan_area(self, options: AreaOptions) -> Plan:
        """Return the requests of `read` with these options; see `Cog.plan`."""
        from tinycog.reader.arguments import ReadArguments, resolve  # noqa: PLC0415 - no tile needs it
        from tinycog.reader.window_buffers import check_limits, make_buffers  # noqa: PLC0415 - the same

        file = self._pixels()
        turn = await self._orientation(
            oriented=options.get("oriented", False), out=None, pad_to=options.get("pad_to")
        )
        if turn is not None:
            options["shape"] = turn.stored_shape(options.get("shape"))
        source, request = await resolve(
            file,
            ReadArguments.of(options),
            options.get("bands"),
            options.get("indexes"),
            boundless=options.get("boundless", False),
            masked=options.get("masked"),
            out=None,
            errors=options.get("errors", "raise"),
        )
        check_limits(file.limits, source, request)
        buffers = make_buffers(source, request, planned=True)
        return await file.windows.plan(source, request.area.z, [buffers])


def check_colours(
    bands: Iterable[int] | int | None, indexes: Iterable[int] | int | None, *, rgb: bool
) -> None:
    """Check that no bands are asked for together with colours.

    Raises:
        UsageError: they are.
    """
    if rgb and not (bands is None and indexes is None):
        message = "rgb=True makes bands of its own: leave out bands= and indexes="
        raise UsageError(message)
