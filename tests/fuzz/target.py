"""What atheris runs, in a process of its own: files that it breaks, guided by what they reach.

    python tests/fuzz/target.py FOUND CORPUS [options of libFuzzer]

Failures that do not end the process are written to the folder FOUND, the first of each.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

atheris: Any = import_module("atheris")  # it is there only where it installs

with atheris.instrument_imports(include=["tinycog"]):
    import tinycog.decode.tile
    import tinycog.pixels.png
    import tinycog.reader.read_web_tile  # noqa: F401
    from fuzz.cases import file, fixtures
    from fuzz.exercise import exercise, turn_of
    from fuzz.mutate import mutate
    from fuzz.places import places_of
    from fuzz.watch import failure_of


class Target:
    """Exercises what it is given."""

    def __init__(self, found: Path) -> None:
        """Nothing has failed yet."""
        self._found = found
        self._known: set[str] = set()
        self._loop = asyncio.new_event_loop()

    def __call__(self, data: bytes) -> None:
        """Exercise a file; go on whatever comes of it."""
        try:
            self._loop.run_until_complete(exercise(data, turn_of(data)))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a failure
            where = failure_of(error).where
            if where not in self._known:
                self._known.add(where)
                (self._found / f"{len(self._known)}.tif").write_bytes(data)


def change(data: bytes, most: int, seed: int) -> bytes:
    """Break a file where it says what it is, or, every other time, anywhere."""
    random = Random(seed)  # noqa: S311 - no secret
    if not data or random.random() < 0.5:
        return atheris.Mutate(data, most)
    return mutate(data, places_of(data), random, file(random.choice(fixtures())))[:most]


def main(arguments: list[str]) -> None:
    """Run until libFuzzer ends the process."""
    warnings.simplefilter("error")
    target = Target(Path(arguments[1]))
    atheris.Setup([arguments[0], *arguments[2:]], target, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
