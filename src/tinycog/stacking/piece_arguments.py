"""Steps, bands and windows of a stack as given: a piece of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinycog.argument_types import WindowLike
from tinycog.checks import check_integer, check_whole_window, check_window
from tinycog.errors import UsageError
from tinycog.stacking.band_names import positions
from tinycog.stacking.made_stack import MadeStack
from tinycog.stacking.read_stack import StackPiece
from tinycog.stacking.stack_options import BandSelection, check_selection
from tinycog.window import Window, reaches_out

StepSelection = slice | Sequence[int] | int | None
"""Steps of a stack by position: a slice, numbers, or one; None for all."""


def bands_of_stack(made: MadeStack, bands: BandSelection) -> list[int]:
    """Return positions of bands that a caller names.

    Raises:
        UsageError: the stack has no such band.
    """
    return positions(check_selection(bands), [band.name for band in made.bands])


def piece_of(
    made: MadeStack, steps: StepSelection, bands: BandSelection, window: WindowLike | None
) -> StackPiece:
    """Return what a caller asks for.

    Raises:
        UsageError: there is no such step, band or window.
    """
    return StackPiece(
        _step_numbers(len(made.steps), steps), bands_of_stack(made, bands), _window(made, window)
    )


def _step_numbers(count: int, steps: StepSelection) -> list[int]:
    if steps is None:
        return list(range(count))
    if isinstance(steps, slice):
        found = list(range(count))[steps]
    else:
        several = steps if isinstance(steps, Sequence | np.ndarray) else [steps]
        found = [check_integer(one, "steps") for one in several]
        found = [one + count if one < 0 else one for one in found]
    if not found or not all(0 <= one < count for one in found):
        message = f"steps are positions from 0 to {count - 1}, or a slice of them, not {steps!r}"
        raise UsageError(message)
    return found


def _window(made: MadeStack, window: WindowLike | None) -> Window:
    size = made.grid.sizes[0]
    if window is None:
        return Window(0, 0, *size)
    found = check_window(window)
    height, width = check_whole_window(found)
    if reaches_out(found, size):
        message = f"the window {tuple(found)} reaches over the edge of {size[0]} x {size[1]} pixels"
        raise UsageError(message)
    return Window(int(found.col_off), int(found.row_off), width, height)
