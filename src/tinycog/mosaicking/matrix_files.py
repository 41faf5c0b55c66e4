"""Files that hold tiles of a tile matrix set: which level is which matrix (cog.tileset.aligned)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tinycog.affine_math import Coefficients, coefficients
from tinycog.errors import Finding, MosaicError
from tinycog.geo.matrix_set import MatrixSet, TileMatrix
from tinycog.geo.web_grid import ALIGNMENT_TOLERANCE
from tinycog.mosaicking.chosen_grid import ChosenGrid, windows_of
from tinycog.mosaicking.fitting import Fitted, MosaicOptions, check_alike, names_of
from tinycog.mosaicking.members import AlignedMember, MosaicMember, WarpedMember, WarpGrid
from tinycog.mosaicking.mosaic_file import MosaicFile
from tinycog.mosaicking.placing import PlacedLevel
from tinycog.pixels.methods import method_for
from tinycog.reader.open_file import OpenFile
from tinycog.window import Size, Window

ALIKE = frozenset({"ee/files-bands", "ee/files-depth", "ee/files-fill"})
"""Rules among files that tiles of one set keep."""


class LevelOfMatrix(NamedTuple):
    """A level of a file whose pixels are those of a matrix.

    Attributes:
        z: index in the pyramid of the file.
        window: where it lies, in pixels of the matrix; may reach out of it.
    """

    z: int
    window: Window


class FilePlaces(NamedTuple):
    """Where the levels of a file lie.

    Attributes:
        matrices: those that it has, by their ids.
        why_not: of each level that is none, by its index, how far it lies beside the nearest.
    """

    matrices: Mapping[str, LevelOfMatrix]
    why_not: Mapping[int, str]


def find_places(files: Sequence[OpenFile], tiles: MatrixSet, *, strict: bool) -> list[FilePlaces]:
    """Return which levels of files that are open are which matrices.

    Raises:
        MosaicError: files differ in bands, samples or meaning; or, with `strict`, a file has no
            level that is a matrix.
    """
    check_alike(files, ALIKE)
    names = names_of(files)
    found = [_places(file, tiles) for file in files]
    if strict:
        findings = [
            Finding("cog.tileset.aligned", f"{name} has no tiles of {tiles.id}: {_reason(places)}")
            for name, places in zip(names, found, strict=True)
            if not places.matrices
        ]
        if findings:
            raise MosaicError.of_findings(findings)
    return found


def _reason(places: FilePlaces) -> str:
    return f"{places.why_not[0]} (strict=False resamples)"


def _places(file: OpenFile, tiles: MatrixSet) -> FilePlaces:
    """Return where the levels of a file lie."""
    if not file.geo.has_transform:
        return FilePlaces({}, {0: "it has no transform"})
    crs = file.georeference.crs
    if not tiles.has_crs(crs):
        return FilePlaces({}, {0: f"it has {crs}, and they have {tiles.crs}"})
    matrices: dict[str, LevelOfMatrix] = {}
    why_not: dict[int, str] = {}
    for z, (transform, size) in enumerate(_levels(file)):
        nearest: list[tuple[float, str]] = []
        is_any = False
        for matrix in tiles.matrices:
            offset = matrix.offset_of(transform, size)
            if offset is None:
                continue
            col, row = (round(v) for v in offset)
            off = max(abs(offset[0] - col), abs(offset[1] - row))
            if off <= ALIGNMENT_TOLERANCE:
                is_any = True
                matrices.setdefault(matrix.id, LevelOfMatrix(z, Window(col, row, *size)))
            where = (offset[0] - col, offset[1] - row)
            nearest.append((off, _beside(z, matrix, where)))
        if not is_any:
            why_not[z] = min(nearest)[1] if nearest else _no_size(z, transform)
    return FilePlaces(matrices, why_not)


def _beside(z: int, matrix: TileMatrix, off: tuple[float, float]) -> str:
    return (
        f"level {z} has pixels of matrix {matrix.id!r}, but lies {off[0]:.3g} columns and"
        f" {off[1]:.3g} rows beside them"
    )


def _no_size(z: int, transform: Coefficients) -> str:
    return f"level {z} has pixels of {transform[0]!r} by {transform[4]!r}, of which no matrix is"


def _levels(file: OpenFile) -> list[tuple[Coefficients, Size]]:
    """Return the transform and (width, height) of each level.

    One that is reduced by a whole number has pixels of so many, though the last ones are made of
    fewer (cog.mosaic.levels).
    """
    sizes = file.level_sizes
    a, b, c, d, e, f = coefficients(file.geo.transform)
    width, height = sizes[0]
    found: list[tuple[Coefficients, Size]] = []
    for across, down in sizes:
        factor = max(round(width / across), round(height / down))
        if (-(-width // factor), -(-height // factor)) == (across, down):
            own = (a * factor, b * factor, c, d * factor, e * factor, f)
        else:
            own = coefficients(file.georeference.transform((across, down)))
        found.append((own, (across, down)))
    return found


def matrix_file(
    files: Sequence[OpenFile],
    places: Sequence[FilePlaces],
    tiles: MatrixSet,
    matrix: TileMatrix,
    options: MosaicOptions,
) -> MosaicFile | None:
    """Return the files of a matrix as one image of one level; None if none has any pixel of it.

    Args:
        files: all of the set, open.
        places: of each.
        tiles: the set.
        matrix: of the set.
        options: how they are read; unless `strict`, files without the matrix are warped to it.
    """
    names, size = names_of(files), matrix.size
    georeference = files[0].georeference.moved(matrix.transform, size, tiles.crs)
    method = method_for(files[0].levels[0].photometric, options.resampling)
    target = WarpGrid(georeference, tiles.crs, (size,), method)
    grid = ChosenGrid(matrix.transform, tiles.crs, (size,))
    members: list[MosaicMember] = []
    own = 0
    for name, file, place in zip(names, files, places, strict=True):
        level = place.matrices.get(matrix.id)
        if level is not None:
            own = own if members else level.z
            placed = PlacedLevel(size, (level.window,), (level.z,))
            members.append(AlignedMember(name, file, [placed], 0))
        elif not options.strict:
            members.append(WarpedMember(name, file, windows_of(file, grid), target))
    if not members:
        return None
    fitted = Fitted(members, [(own, size)], georeference)
    return MosaicFile.of(files, options, fitted)
