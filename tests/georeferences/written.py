"""The command: whether each CRS of a registry is written so that tinycog and GDAL read it as it is.

    python tests/georeferences/written.py                        # all of EPSG's
    python tests/georeferences/written.py --authority ESRI --every 5
    python tests/georeferences/written.py --no-codes             # by definitions, not by codes

Exit status 1 if one is read as another CRS by tinycog. Where GDAL reads another one, it is printed:
it takes deprecated codes for those that replace them, and its registry may be of another version.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import pyproj
from pyproj.database import query_crs_info
from written_geo import verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Write each CRS of a registry, and read it.")
    parser.add_argument("--authority", default="EPSG")
    parser.add_argument("--every", type=int, default=1, help="every n-th")
    parser.add_argument(
        "--no-codes", action="store_true", help="by definitions without their codes"
    )
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    out = sys.stdout.write
    found = Counter[tuple[str, str]]()
    infos = query_crs_info(options.authority, allow_deprecated=True)
    for info in infos[:: options.every]:
        crs = pyproj.CRS.from_authority(info.auth_name, info.code)
        if options.no_codes:
            definition = crs.to_json_dict()
            definition.pop("id", None)
            word = verdict(pyproj.CRS.from_json_dict(definition))
        else:
            word = verdict(f"{info.auth_name}:{info.code}")
        found[crs.type_name, word] += 1
        if word != "the same":
            out(f"{info.auth_name}:{info.code} {info.name} ({crs.type_name}): {word}\n")
    for (kind, word), count in sorted(found.items()):
        out(f"{count:6} {kind}: {word}\n")
    return int(any(word == "another CRS" for _, word in found))


if __name__ == "__main__":
    raise SystemExit(main())
