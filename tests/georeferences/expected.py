"""Refusals and deviations from GDAL that are right, each with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from georeferences.case import Case
from georeferences.judge import Outcome, Word


class Expected(NamedTuple):
    """What comes of cases by name, other than "right", and why it is right."""

    name: str
    word: Word
    reason: str

    def concerns(self, case: Case) -> bool:
        """Say whether it is about this case."""
        return re.search(self.name, case.name) is not None


EXPECTED: Sequence[Expected] = (
    Expected(
        r"^epsg: (2155|3786)$",
        "wrong",
        "a deprecated code means what EPSG says; GDAL takes the code that replaces it",
    ),
    Expected(
        "esri-pe: ESRI:102113",
        "wrong",
        "PROJ knows this name of Web Mercator, as GDAL does outside of ESRI's strings",
    ),
    Expected(
        "model: (tiepoint cut|scale alone)",
        "wrong",
        "GDAL has no transform either; rasterio shows the scale that GDAL found",
    ),
    Expected(r"codes: .* (16031|6326|7030|999)$", "refused", "no CRS has this code"),
    Expected(
        r"codes: (base|UTM on|both|geocentric) \d+$",
        "refused",
        "the code of the base is no geographic CRS; GDAL takes the ellipsoid of WGS 84",
    ),
    Expected(
        r"codes: GeodeticCRS (7415|5773|27700|27561)$",
        "wrong",
        "the code says what it is; GDAL takes eastings for degrees",
    ),
    Expected(
        r"codes: both (4326|4269|4979|4978|7415|9707|5773)$",
        "wrong",
        "both keys say the same; GDAL knows no place then",
    ),
    Expected("codes: model 0", "wrong", "0 is undefined, as good as no GTModelType"),
    Expected(
        r"(mercator: .*(scale 0\.9|parallel and lat|parallel 0)|methods: 7$)",
        "refused",
        "PROJ does not know such a Mercator, and so GDAL has no place either",
    ),
    Expected(
        r"methods: (polar (-?71\.0|0\.0), 0\.994|15, centre|8, bare|8, centre)",
        "refused",
        "PROJ does not know such a projection, and so GDAL has no place either",
    ),
    Expected(
        r"methods: conversion \d+, method 32767",
        "wrong",
        "the code of a conversion tells its method; GDAL knows no place but for UTM",
    ),
    Expected("methods: conversion 99", "refused", "no conversion has this code"),
    Expected(
        r"bases: .* 4807 meridian 2\.5",
        "wrong",
        "GDAL converts the longitude of a meridian twice, from grads to degrees",
    ),
    Expected(
        r"angles: (projected )?4807 910[134]",
        "wrong",
        "GDAL converts the longitude of EPSG's meridian to the unit of the file twice",
    ),
    Expected(
        r"angles: projected (cited(, code \d+)?|32767 and size)$",
        "refused",
        "parameters in a unit of the file's own, which GDAL takes for degrees",
    ),
    Expected(
        "angles: geographic 32767 and size",
        "wrong",
        "the size key counts, as in GeoTIFF; GDAL wants a citation beside it; there is a finding",
    ),
    Expected(
        "angles: .*4807 .*32767", "refused", "grads by the code, or what the unit keys say: unclear"
    ),
    Expected("angles: .* 9110", "refused", "degrees, minutes and seconds in one number"),
    Expected(r"lengths: .*(1234|9102)$", "refused", "no unit of length has this code"),
    Expected("lengths: 2264 32767$", "refused", "a unit of its own whose size no key tells"),
    Expected("lengths: .*miles", "refused", "GDAL takes a mile for 1304.544 m"),
    Expected("lengths: parsecs cited, feet", "refused", "the citation and the key differ"),
    Expected(r"heights: \d+ unit (9102|1234)$", "refused", "no unit of length has this code"),
    Expected(
        r"heights: \d+ unit (9102|1234) \(1.0\)",
        "wrong",
        "no unit of length has this code; GDAL says degrees, or metres",
    ),
)


def reason_for(outcome: Outcome) -> str:
    """Return why an outcome is right though it is not "right"; an empty string if it is not."""
    found = (e for e in EXPECTED if e.word == outcome.word and e.concerns(outcome.case))
    return next((expected.reason for expected in found), "")


def fault(outcome: Outcome) -> str:
    """Say what is not as it should be with an outcome; an empty string if all is well."""
    if outcome.word == "right" or reason_for(outcome):
        return ""
    return f"{outcome.word}: {outcome.case.name}: {outcome.why}"
