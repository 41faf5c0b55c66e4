"""Tags that take pixels to coordinates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from geo_files import key_fields

from georeferences.by_hand import SPARSE
from georeferences.case import Case, Place
from tinycog.geo.keys import GeoKey
from tinycog.testing import Field, make_tiff
from tinycog.tiff.spec import Tag

K = GeoKey
UTM = {K.GTModelType: 1, K.ProjectedCRS: 32632}
CORNERS = (
    (0, 0, 5e5, 5.2e6),
    (1000, 0, 5.1e5, 5.2e6),
    (0, 1000, 5e5, 5.19e6),
    (1000, 1000, 5.1e5, 5.19e6),
)

TAGS = {"scale": Tag.ModelPixelScale, "tie": Tag.ModelTiepoint, "matrix": Tag.ModelTransformation}
TIE = [0.0, 0.0, 0.0, 5e5, 5.2e6, 0.0]
SCALE = [10.0, 20.0, 0.0]
MATRIX = [10.0, 0.0, 0.0, 5e5, 0.0, -20.0, 0.0, 5.2e6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
ROTATED = [8.0, 3.0, 0.0, 5e5, 2.0, -9.0, 0.0, 5.2e6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
NAN = float("nan")

MODELS: dict[str, dict[str, list[float]]] = {
    "none": {},
    "scale and tiepoint": {"scale": SCALE, "tie": TIE},
    "two scales": {"scale": SCALE[:2], "tie": TIE},
    "one scale": {"scale": SCALE[:1], "tie": TIE},
    "scale 0": {"scale": [10.0, 0.0, 0.0], "tie": TIE},
    "south up": {"scale": [10.0, -20.0, 0.0], "tie": TIE},
    "west": {"scale": [-10.0, 20.0, 0.0], "tie": TIE},
    "tiepoint inside": {"scale": SCALE, "tie": [100.0, 50.0, 0.0, 5e5, 5.2e6, 0.0]},
    "tiepoint between pixels": {"scale": SCALE, "tie": [0.5, 0.5, 0.0, 5e5, 5.2e6, 0.0]},
    "with heights": {"scale": [10.0, 20.0, 2.0], "tie": [0.0, 0.0, 1.0, 5e5, 5.2e6, 7.0]},
    "more tiepoints": {"scale": SCALE, "tie": [*TIE, 1000.0, 1000.0, 0.0, 5e5, 5.2e6, 0.0]},
    "tiepoint cut": {"scale": SCALE, "tie": TIE[:5]},
    "scale alone": {"scale": SCALE},
    "tiepoint alone": {"tie": TIE},
    "corners": {"tie": [n for col, row, x, y in CORNERS for n in (col, row, 0.0, x, y, 0.0)]},
    "corners with heights": {
        "tie": [n for col, row, x, y in CORNERS for n in (col, row, 0.0, x, y, 9.0)]
    },
    "matrix": {"matrix": MATRIX},
    "matrix rotated": {"matrix": ROTATED},
    "matrix south up": {"matrix": [*MATRIX[:5], 20.0, *MATRIX[6:]]},
    "matrix with z": {"matrix": [*MATRIX[:2], 5.0, *MATRIX[3:8], 0.0, 0.0, 2.0, 3.0, *MATRIX[12:]]},
    "matrix with a row of zeros": {"matrix": [*MATRIX[:15], 0.0]},
    "matrix cut": {"matrix": MATRIX[:12]},
    "matrix and scale": {"matrix": ROTATED, "scale": SCALE, "tie": TIE},
    "matrix and tiepoint": {"matrix": ROTATED, "tie": TIE},
    "matrix and scale 0": {"matrix": ROTATED, "scale": [0.0, 0.0, 0.0], "tie": TIE},
    "NaN in z of the scale": {"scale": [10.0, 20.0, NAN], "tie": TIE},
    "NaN in z of the tiepoint": {"scale": SCALE, "tie": [0.0, 0.0, NAN, 5e5, 5.2e6, NAN]},
    "NaN in z of the matrix": {
        "matrix": [*ROTATED[:2], NAN, *ROTATED[3:8], *[NAN] * 4, *ROTATED[12:]]
    },
}


def cases() -> Iterator[Case]:
    """Every case of this module, as area, as point, and without saying which."""
    for what, tags in MODELS.items():
        fields = [Field(TAGS[name], "DOUBLE", numbers) for name, numbers in tags.items()]
        for kind, name in ((1, "area"), (2, "point"), (None, "unsaid")):
            keys = UTM if kind is None else {**UTM, K.GTRasterType: kind}
            yield Case(f"model: {what}, {name}", _made(*key_fields(keys), *fields), placed=False)
        yield Case(f"model: {what}, no keys", _made(*fields), placed=False)


def _made(*fields: Field) -> Callable[[Place], bytes]:
    return lambda _place: make_tiff([SPARSE.having(*fields)])
