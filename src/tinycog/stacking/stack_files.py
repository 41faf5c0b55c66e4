"""What is known of the files of a stack before they are opened, and which step each is of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class StackFile(NamedTuple):
    """A file of a stack.

    Attributes:
        name: of the asset, for messages.
        scene: what it is of: files of one scene hold different bands of it.
        step: position of its step in time.
        key: name of the file in its scene, as of an asset in a STAC item; None where it is alone.
        bands: names of its bands where they are known without opening it; None for one without.
        bounds: (west, south, east, north) in longitudes and latitudes where known.
        common: common names of its bands, None for one without; empty where not known.
    """

    name: str
    scene: str
    step: int
    key: str | None = None
    bands: tuple[str | None, ...] | None = None
    bounds: tuple[float, float, float, float] | None = None
    common: tuple[str | None, ...] = ()


class StackStep(NamedTuple):
    """A step of a stack.

    Attributes:
        time: of its first scene; NaT where no scene has a time.
        name: what its scenes have in common: a day, the value of a property, the name of a scene.
        assets: names of the assets that it is made of, in the order that decides where several
            have a pixel.
    """

    time: np.datetime64
    name: str
    assets: tuple[str, ...]
