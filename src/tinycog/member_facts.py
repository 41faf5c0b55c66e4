"""Facts of an open file by which rules among files go."""

from __future__ import annotations

from tinycog.affine_math import coefficients
from tinycog.level import describe_samples
from tinycog.reader.open_file import OpenFile
from tinycog.tiff.spec import ALPHA
from tinycog.validator.set_rule import MaskedBy, SetMember


def member_of(file: OpenFile) -> SetMember:
    """Return the facts of a file that has been read by which rules among files go."""
    image, geo = file.levels[0], file.geo
    masked_by: MaskedBy = "nothing"
    if file.masks[0] is not None:
        masked_by = "mask"
    elif image.nodata_text is not None:
        masked_by = "nodata"
    elif image.extra_samples and image.extra_samples[-1] in ALPHA:
        masked_by = "alpha"
    return SetMember(
        file.name,
        image.size,
        coefficients(geo.transform) if geo.has_transform else None,
        geo.crs,
        tuple(zip(image.sample_formats, image.bits_per_sample, strict=True)),
        masked_by,
        describe_samples(image)[1],
        file.size,
    )
