"""Plots by matplotlib: `Raster.plot` and `Raster.hist`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import tinycog

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap as Colours

PERCENTILES = (2.0, 98.0)
"""Of valid values: the ends of the colours of a band."""

COLOUR_BANDS = 3
"""Bands from which on a raster is drawn in colour."""

MOST_VALUES = 1 << 20
"""Values from which percentiles are computed, about."""

COLOURS = ("tab:red", "tab:green", "tab:blue")


def plot(
    raster: tinycog.Raster,
    *,
    band: int | None,
    ax: Axes | None,
    cmap: str | Colours | None,
    vmin: float | Sequence[float] | None,
    vmax: float | Sequence[float] | None,
    percentiles: tuple[float, float] | None,
    colorbar: bool,
    title: str | None,
) -> Axes:
    """Draw a raster; see `Raster.plot`."""
    axes = _axes(ax)
    if band is None and (raster.count >= COLOUR_BANDS or raster.colormap is not None):
        if percentiles is not None and raster.colormap is None:
            ends = [_ends(raster, i, percentiles) for i in range(COLOUR_BANDS)]
            vmin = [low for low, _ in ends] if vmin is None else vmin
            vmax = [high for _, high in ends] if vmax is None else vmax
        image = _draw(axes, raster, raster.to_rgba(vmin=vmin, vmax=vmax), {})
    else:
        chosen = _band(raster, band or 0)
        low, high = _ends(raster, chosen, percentiles or PERCENTILES)
        limits = {"vmin": low if vmin is None else vmin, "vmax": high if vmax is None else vmax}
        image = _draw(axes, raster, _values(raster, chosen), {"cmap": cmap, **limits})
        if colorbar:
            axes.figure.colorbar(image, ax=axes)
        if title is None and raster.count > 1:
            title = f"band {chosen}"
    if title is not None:
        axes.set_title(title)
    return axes


def hist(
    raster: tinycog.Raster,
    *,
    bins: int,
    bands: Sequence[int] | int | None,
    ax: Axes | None,
    density: bool,
    log: bool,
    title: str | None,
) -> Axes:
    """Draw histograms of bands; see `Raster.hist`."""
    asked = range(raster.count) if bands is None else [bands] if isinstance(bands, int) else bands
    chosen = [_band(raster, band) for band in asked]
    values = [_valid(raster, band) for band in chosen]
    known = [one for one in values if one.size]
    if not known:
        message = "the raster has no valid pixels to count"
        raise tinycog.UsageError(message)
    low, high = min(one.min() for one in known), max(one.max() for one in known)
    edges = _edges(low, high, bins, is_integer=raster.dtype.kind in "iub")
    axes = _axes(ax)
    in_colour = raster.count in (COLOUR_BANDS, COLOUR_BANDS + 1) and bands is None
    for number, (band, one) in enumerate(zip(chosen, values, strict=True)):
        counts, _ = np.histogram(one, edges, density=density and bool(one.size))
        colour = COLOURS[number] if in_colour and number < len(COLOURS) else None
        axes.stairs(counts, edges, label=f"band {band}", color=colour, fill=len(chosen) == 1)
    if len(chosen) > 1:
        axes.legend()
    if log:
        axes.set_yscale("log")
    axes.set_xlabel("value")
    axes.set_ylabel("density" if density else "pixels")
    if title is not None:
        axes.set_title(title)
    return axes


def _axes(ax: Axes | None) -> Any:  # noqa: ANN401 - matplotlib types few of its functions
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt  # noqa: PLC0415 - picks what it draws on when imported

    draw: Any = plt
    return draw.subplots()[1]


def _band(raster: tinycog.Raster, band: int) -> int:
    if not 0 <= band < raster.count:
        message = f"band {band} does not exist (bands 0 to {raster.count - 1})"
        raise tinycog.UsageError(message)
    return band


def _valid(raster: tinycog.Raster, band: int) -> NDArray[Any]:
    """Return the values of a band that are valid and finite; magnitudes of complex ones."""
    values = np.ma.compressed(_values(raster, band))
    return values[np.isfinite(values)]


def _values(raster: tinycog.Raster, band: int) -> np.ma.MaskedArray[Any, Any]:
    """Return (rows, cols) of a band, masked where it is not valid."""
    data = raster.data[band]
    mask = ~raster.band_masks[band] if raster.has_known_mask else np.zeros(data.shape, np.bool_)
    data = np.abs(data) if data.dtype.kind == "c" else data
    return np.ma.MaskedArray(data, mask | np.isnan(data))


def _ends(
    raster: tinycog.Raster, band: int, percentiles: tuple[float, float]
) -> tuple[float, float]:
    values = _valid(raster, band)
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values[:: -(-values.size // MOST_VALUES)], percentiles)
    if low == high:
        low, high = values.min(), values.max()
    return float(low), float(high)


def _edges(low: float, high: float, bins: int, *, is_integer: bool) -> NDArray[np.float64]:
    """Return the edges of bins; those of integers hold the same number of them each."""
    if bins < 1:
        message = f"bins is a number of at least 1, not {bins}"
        raise tinycog.UsageError(message)
    low, high = float(low), float(high)
    if is_integer:
        step = -(-(high - low + 1) // bins)
        return np.arange(low, high + step + 1, step) - 0.5
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def _draw(axes: Any, raster: tinycog.Raster, pixels: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    """Draw pixels where they lie: y goes up in a CRS, rows go down without one."""
    from matplotlib.transforms import Affine2D  # noqa: PLC0415 - only here

    rows, cols = raster.height, raster.width
    try:
        a, b, c, d, e, f = tuple(raster.transform)[:6]
        crs = raster.crs
    except tinycog.UsageError:  # it does not know where it lies
        (a, b, c, d, e, f), crs = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), None
    place = Affine2D(np.array([[a, b, c], [d, e, f], [0, 0, 1]]))
    image = axes.imshow(pixels, extent=(0, cols, rows, 0), interpolation="nearest", **options)
    image.set_transform(place + axes.transData)
    corners = place.transform([(0, 0), (cols, 0), (0, rows), (cols, rows)])
    (left, bottom), (right, top) = corners.min(axis=0), corners.max(axis=0)
    axes.set_xlim(left, right)
    axes.set_ylim(*((top, bottom) if crs is None and e > 0 else (bottom, top)))
    words = ("column", "row") if crs is None else ("x", "y")
    words = ("longitude", "latitude") if crs is not None and crs.is_geographic else words
    axes.set_xlabel(words[0])
    axes.set_ylabel(words[1])
    return image
