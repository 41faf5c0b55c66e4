"""Files that are open, as layers of steps on one grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tinycog.errors import Finding, MosaicError, TinycogError, UsageError
from tinycog.mosaicking.chosen_grid import ChosenGrid, res_of_file
from tinycog.mosaicking.fitting import check_suits, is_same_value, names_of
from tinycog.mosaicking.members import MosaicMember
from tinycog.mosaicking.mosaic_windows import MosaicWindows
from tinycog.mosaicking.overlaps import result_dtype
from tinycog.pixels.methods import method_for
from tinycog.reader.arguments import AskedPixels
from tinycog.reader.open_file import OpenFile
from tinycog.stacking.band_names import methods_by_band
from tinycog.stacking.chosen_bands import (
    NOT_THERE,
    ChosenBands,
    OpenedFiles,
    choose_bands,
    most_first,
)
from tinycog.stacking.layers import (
    FileOnGrid,
    KindsOnGrid,
    LostMember,
    RenumberedMember,
    StackLayer,
    window_of_place,
)
from tinycog.stacking.stack_fit import NamedFile, meaning_of, misfits
from tinycog.stacking.stack_grid import StackGrid, choose_stack_grid
from tinycog.stacking.stack_options import StackOptions
from tinycog.window import Window


class BandFacts(NamedTuple):
    """What samples of a band of the stack mean.

    Attributes:
        name: of the band, None without one.
        method: how it is resampled.
        scale, offset: value = sample * scale + offset.
        unit: of the values.
    """

    name: str | None
    method: str
    scale: float
    offset: float
    unit: str | None


class MadeStep(NamedTuple):
    """A step of a stack.

    Attributes:
        number: position among the steps that were asked for.
        files: positions of its files.
        layers: bands that are read of the same files.
        findings: what is wrong with it, where errors are filled.
    """

    number: int
    files: list[int]
    layers: list[StackLayer]
    findings: tuple[Finding, ...]


class MadeStack(NamedTuple):
    """A stack whose files are open.

    Attributes:
        grid: its pixels.
        source: position of the file that the grid is taken from; None where it is given.
        bands: facts of its bands.
        dtype: of the samples.
        nodata: value of samples that hold nothing, where all files have the same; else None.
        fill: value of samples that are not valid.
        steps: those in which a file may have pixels of the grid.
        outside: positions of files that have none.
        findings: oddities of the whole.
        asked: which of its pixels are asked for; None for all.
    """

    grid: ChosenGrid
    source: int | None
    bands: tuple[BandFacts, ...]
    dtype: np.dtype[np.generic]
    nodata: float | None
    fill: float
    steps: tuple[MadeStep, ...]
    outside: tuple[int, ...]
    findings: tuple[Finding, ...]
    asked: AskedPixels | None = None


def make_stack(opened: OpenedFiles, options: StackOptions, *, keep: bool) -> MadeStack:
    """Return the layers of a stack.

    Args:
        opened: its files.
        options: what is wanted.
        keep: make layers of what fits, and findings of the rest; else its errors are raised.

    Raises:
        MosaicError: files do not fit each other.
        TinycogError: a file could not be opened; where `keep`, none could.
        UsageError: no file has pixels of the grid, or an option is wrong.
    """
    errors = dict(opened.errors)
    if errors and (not keep or len(errors) == len(opened.used)):
        raise next(iter(errors.values()))
    chosen = choose_bands(opened, options, keep=keep)
    if chosen.lacking and not keep:
        raise chosen.lacking[0][1]
    used = [n for n in opened.used if n in chosen.uses]
    open_ones = [n for n in used if n not in errors]
    if not open_ones:
        raise next(iter(errors.values()))
    names = Names.of(opened, used)
    grid, source, asked = _grid(opened, options, open_ones, names.shown, errors, keep=keep)
    files = {n: NamedFile(names.shown[n], opened.handles[n]) for n in open_ones}
    order = most_first(open_ones, lambda n: meaning_of(files[n].handle)) if keep else open_ones
    errors |= misfits({n: files[n] for n in order}, chosen.uses, grid)
    for n, error in errors.items():
        error.name_file(opened.handles[n].name)
    found = [error for n, error in errors.items() if n not in opened.errors]
    if found and not keep:
        raise found[0]
    open_ones = [n for n in open_ones if n not in errors]
    if not open_ones:
        raise found[0]
    maker = _Maker(opened, options, chosen, names, grid, source, errors, open_ones)
    return maker.made()._replace(asked=asked)


def _grid(
    opened: OpenedFiles,
    options: StackOptions,
    open_ones: list[int],
    names: Mapping[int, str],
    errors: dict[int, TinycogError],
    *,
    keep: bool,
) -> StackGrid:
    """Return the grid, and which file it is taken from; files that have none become errors."""
    for n in list(open_ones):
        if not opened.handles[n].geo.has_coordinates:
            errors[n] = opened.handles[n].geo.no_place()
            open_ones.remove(n)
    if not open_ones:
        raise next(iter(errors.values()))
    order = list(open_ones)
    if keep:
        order = most_first(order, lambda n: _place_of(opened.handles[n]))
    while True:
        handles = [opened.handles[n] for n in order]
        try:
            found = choose_stack_grid(options.grid, handles, [names[n] for n in order])
        except MosaicError as error:
            if not keep:
                raise
            odd = _odd_one(error, order, names)
            errors[odd] = error
            order.remove(odd)
            open_ones.remove(odd)
            continue
        return found if found.source is None else found._replace(source=order[found.source])


def _place_of(file: OpenFile) -> tuple[str, tuple[float, float]]:
    """Return CRS and pixel size of a file."""
    across, down = res_of_file(file)
    return str(file.georeference.crs), (round(across, 9), round(down, 9))


def _odd_one(error: MosaicError, files: Sequence[int], names: Mapping[int, str]) -> int:
    """Return the file that differs from the first: its name comes first in the finding."""
    text = error.findings[0].message
    return max((n for n in files if text.startswith(f"{names[n]} ")), key=lambda n: len(names[n]))


class Names(NamedTuple):
    """What files of a stack are called.

    Attributes:
        files: by their urls and paths, for plans.
        shown: by their assets, for messages.
    """

    files: Mapping[int, str]
    shown: Mapping[int, str]

    @classmethod
    def of(cls, opened: OpenedFiles, used: Sequence[int]) -> Names:
        """Return the names of files; those that come twice with their number."""
        files = dict(zip(used, names_of([opened.handles[n] for n in used]), strict=True))
        counts = Counter(opened.files[n].name for n in used)
        shown = {
            n: f"{name} ({n})" if counts[name := opened.files[n].name] > 1 else name for n in used
        }
        return cls(files, shown)


class _Maker(NamedTuple):
    """What layers are made of.

    Attributes:
        opened: the files.
        options: what is wanted.
        chosen: which band of which file is a band of the stack.
        names: of the files.
        grid: of the stack.
        source: position of the file that the grid is taken from.
        errors: of files that cannot be read.
        fitting: positions of the files that can.
    """

    opened: OpenedFiles
    options: StackOptions
    chosen: ChosenBands
    names: Names
    grid: ChosenGrid
    source: int | None
    errors: Mapping[int, TinycogError]
    fitting: Sequence[int]

    def made(self) -> MadeStack:
        """Return the stack.

        Raises:
            UsageError: no file has pixels of the grid, or the samples do not suit the method.
        """
        first = self.opened.handles[self.fitting[0]]
        for n in self.fitting:
            check_suits(self.opened.handles[n].levels[0], self.options.method)
        bands = self._bands()
        kinds = KindsOnGrid(self.grid)
        inside = {n for n in self.fitting if kinds.lies_in(self.opened.handles[n])}
        if not inside:
            raise self._nothing()
        dtype = result_dtype(self.options.method, first.levels[0].dtype)
        is_same = dtype == first.levels[0].dtype
        nodata, findings = self._nodata() if is_same else (None, ())
        fill = 0 if nodata is None else nodata
        on_grid = {
            n: FileOnGrid.of(
                self.names.files[n], self.names.shown[n], self.opened.handles[n], kinds
            )
            for n in inside
        }
        lost = {n for n in self.errors if n in self.chosen.uses}
        steps = [
            self._step(number, files, on_grid, bands, None if is_same else dtype, fill)
            for number, files in self._steps(inside | lost)
        ]
        outside = tuple(n for n in self.fitting if n not in inside)
        return MadeStack(
            self.grid, self.source, bands, dtype, nodata, fill, tuple(steps), outside, findings
        )

    def _steps(self, there: set[int]) -> Iterator[tuple[int, list[int]]]:
        """Yield the steps that have something, and their files."""
        found: dict[int, list[int]] = {}
        for n in self.opened.used:
            if n in there:
                found.setdefault(self.opened.files[n].step, []).append(n)
        for number, _ in self.chosen.lacking:
            found.setdefault(number, [])
        yield from sorted(found.items())

    def _nothing(self) -> UsageError:
        rows_cols = self.grid.sizes[0][::-1]
        a, _, left, _, e, top = self.grid.transform
        right, bottom = left + a * rows_cols[1], top + e * rows_cols[0]
        names = ", ".join(self.names.shown[n] for n in self.fitting[:3])
        message = (
            f"no file lies in the grid, {(left, bottom, right, top)} in {self.grid.crs}:"
            f" {len(self.fitting)} files from {names}; are bounds in another CRS (bounds_crs=),"
            " or latitude and longitude swapped?"
        )
        return UsageError(message)

    def _bands(self) -> tuple[BandFacts, ...]:
        selectors = self.chosen.selectors
        names = [one.name for one in selectors]
        methods = methods_by_band(self.options.resampling, names)
        found: list[BandFacts] = []
        for place, (name, method) in enumerate(zip(names, methods, strict=True)):
            n = next((n for n in self.fitting if self.chosen.uses[n][place] != NOT_THERE), None)
            if n is None:
                message = f"no file that can be read has the band {name or place!r}"
                raise UsageError(message)
            handle, band = self.opened.handles[n], self.chosen.uses[n][place]
            suited = method_for(handle.levels[0].photometric, method)
            has_scale = self.options.method not in ("count", "stdev")
            meta = handle.metadata
            found.append(
                BandFacts(
                    name,
                    suited,
                    meta.scales[band] if has_scale else 1.0,
                    meta.offsets[band] if has_scale else 0.0,
                    meta.units[band] if has_scale else None,
                )
            )
        return tuple(found)

    def _nodata(self) -> tuple[float | None, tuple[Finding, ...]]:
        """Return nodata that all files share; a finding where they do not (cog.stack.nodata)."""
        values = {n: self.opened.handles[n].levels[0].nodata for n in self.fitting}
        first = self.fitting[0]
        odd = next((n for n, v in values.items() if not is_same_value(v, values[first])), None)
        if odd is None:
            return values[first], ()
        shown = self.names.shown
        text = (
            f"{shown[odd]} has nodata {values[odd]}, but {shown[first]} {values[first]}:"
            " masks say which pixels are valid, the others are 0"
        )
        return None, (Finding("cog.stack.nodata", text),)

    def _step(
        self,
        number: int,
        files: list[int],
        on_grid: Mapping[int, FileOnGrid],
        bands: Sequence[BandFacts],
        dtype: np.dtype[np.generic] | None,
        fill: float,
    ) -> MadeStep:
        """Return a step: bands that the same files have are read together."""
        groups: dict[tuple[tuple[int, ...], str], list[int]] = {}
        for place, band in enumerate(bands):
            holding = tuple(n for n in files if self.chosen.uses[n][place] != NOT_THERE)
            if holding:
                groups.setdefault((holding, band.method), []).append(place)
        layers = [
            self._layer(holding, places, method, on_grid, dtype, fill)
            for (holding, method), places in groups.items()
        ]
        texts = [str(error) for step, error in self.chosen.lacking if step == number]
        findings = [Finding("cog.stack.fit", text) for text in texts]
        findings += [
            Finding("cog.mosaic.file.unread", str(self.errors[n]))
            for n in files
            if n in self.errors
        ]
        return MadeStep(number, files, layers, tuple(findings))

    def _layer(
        self,
        holding: Sequence[int],
        places: list[int],
        method: str,
        on_grid: Mapping[int, FileOnGrid],
        dtype: np.dtype[np.generic] | None,
        fill: float,
    ) -> StackLayer:
        first = next((n for n in holding if n in on_grid), None)
        if first is None:  # nothing of it can be read: as the first file that can
            first = next(iter(on_grid))
            own = [0] * len(places)
        else:
            own = [self.chosen.uses[first][place] for place in places]
        members: list[MosaicMember] = []
        for n in holding:
            if n not in on_grid:
                members.append(self._lost(n))
                continue
            member = on_grid[n].member(method)
            its = [self.chosen.uses[n][place] for place in places]
            is_same = its == own
            members.append(
                member if is_same else RenumberedMember(member, dict(zip(own, its, strict=True)))
            )
        source = on_grid[first].source(dtype)
        windows = MosaicWindows(
            members,
            self.options.method,
            self.opened.handles[first].limits,
            masked_by_samples=False,
            gap_values=[fill] * max(source.image.samples, max(own) + 1),
        )
        return StackLayer(places, own, windows, source)

    def _lost(self, n: int) -> LostMember:
        """Return what stands for a file that cannot be read: of one that is open, everywhere."""
        handle, error = self.opened.handles[n], self.errors[n]
        bounds = self.opened.files[n].bounds if n in self.opened.errors else None
        window: Window = window_of_place(bounds, self.grid)
        return LostMember(self.names.files[n], handle, error, window)
