"""JPEG 2000: headers are compared with the tags before anything is decoded.

OpenJPEG allocates whatever they say: tiles, components, layers, precincts.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.boxes import boxes
from tinycog.decode.segment import Segment
from tinycog.decode.ycbcr import components_to_rgb
from tinycog.errors import CorruptTileError, LimitError

START, SIZ, COD, COC, SOT, SOD = 0xFF4F, 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93
START_OF_CODESTREAM = b"\xff\x4f\xff\x51"
BOXES = b"\0\0\0\x0cjP  \r\n\x87\n"

SIZES = struct.Struct(">2x8IH")
"""SIZ: capabilities; size, offset, tile size and tile offset, each (x, y); components."""

TRANSFORM = 4
"""Place in COD that says whether the components are transformed."""

MAX_PACKETS = 1 << 17
"""Packets that a stream may have: each costs memory and time, even an empty one."""

NOT_CODED = re.compile(rb"\xff[\x90\x93-\xff]")
"""Bytes that are never coded ones, but for markers around packets."""

FEW_ZEROS = 48
"""Bytes of 0 that may stand together besides empty packets."""

MAX_TILES = 1 << 12
MAX_LEVELS = 32


class Sizes(NamedTuple):
    """The sizes in SIZ, in pixels."""

    cols: int
    rows: int
    tile_cols: int
    tile_rows: int
    components: int

    @property
    def tiles(self) -> int:
        """Number of JPEG 2000 tiles in the stream."""
        return -(-self.cols // self.tile_cols) * -(-self.rows // self.tile_rows)


def decode_jpeg2000(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401
    """Decode one codestream, bare or in boxes (tiff.compression.jpeg2000)."""
    data = bytes(data)
    sizes = check_stream(segment, _codestream(data))
    return imagecodecs.jpeg2k_decode(data, out=segment.picture_output(sizes.rows, sizes.cols))


def decode_aperio(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401
    """Decode a stream of Aperio's, YCbCr unless it has a transform of its own, to RGB.

    See the rule tiff.jpeg2000.aperio.
    """
    pixels = decode_jpeg2000(segment, data)
    if pixels.shape[2:] != (3,) or pixels.dtype != np.uint8 or _has_transform(data):
        return pixels
    return np.stack(components_to_rgb(segment.image, *np.moveaxis(pixels, 2, 0)), axis=2)


def _has_transform(data: Any) -> bool:  # noqa: ANN401
    """Return whether the stream makes components of RGB itself."""
    stream = _codestream(bytes(data))
    styles = (body for marker, body in _markers(stream) if marker == COD)
    return any(len(body) > TRANSFORM and body[TRANSFORM] == 1 for body in styles)


def _codestream(data: bytes) -> memoryview:
    """Return the codestream, taken out of its boxes if it has any."""
    view = memoryview(data)
    if data.startswith(START_OF_CODESTREAM):
        return view
    if data.startswith(BOXES):
        for name, start in boxes(data):
            if name == b"jp2c":
                return view[start:]
    message = "the tile is not a JPEG 2000 stream"
    raise CorruptTileError(message)


def check_stream(segment: Segment, stream: memoryview) -> Sizes:
    """Compare the headers of the stream and of its tile-parts with the tags; return its sizes.

    Raises:
        CorruptTileError: the picture is not the one that the tags describe.
        LimitError: it has more tiles or packets than any needs.
    """
    sizes: Sizes | None = None
    packets = 0
    for marker, body in _markers(stream):
        if marker == SIZ:
            sizes = _sizes(segment, body)
        elif sizes is None:
            break
        elif marker == SOD:
            _check_coded(body, packets)
        elif marker == COD and len(body) >= 10:  # noqa: PLR2004
            layers = int.from_bytes(body[2:4], "big")
            packets = max(packets, _check_style(sizes, body[5:], bool(body[0] & 1), layers))
        elif marker == COC and len(body) >= 8:  # noqa: PLR2004
            wide = 1 + (sizes.components > 256)  # noqa: PLR2004 - then they are counted in 2 bytes
            _check_style(sizes, body[wide + 1 :], bool(body[wide] & 1), 1)
    if sizes is None:
        message = "the JPEG 2000 stream has no SIZ"
        raise CorruptTileError(message)
    return sizes


def _markers(stream: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the marker segments of the main header and of every tile-part; SOD with its bytes."""
    at, part, stop = 2, 0, len(stream)
    while at + 4 <= stop:
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == SOT and length == 10 and at + 12 <= stop:  # noqa: PLR2004
            part = at + (int.from_bytes(stream[at + 6 : at + 10], "big") or stop - at)
        if marker == SOD:
            yield SOD, stream[at + 2 : max(part, at + 2)]
            if part <= at:
                return
            at = part
            continue
        if length < 2 or marker < START:  # noqa: PLR2004
            return
        yield marker, stream[at + 4 : at + 2 + length]
        at += 2 + length


def _sizes(segment: Segment, body: memoryview) -> Sizes:
    """Return the sizes, which must be those of the tile, without subsampled components."""
    if len(body) >= SIZES.size + 3:
        right, bottom, left, top, tile_cols, tile_rows, tile_left, tile_top, components = (
            SIZES.unpack_from(body)
        )
        found = Sizes(right - left, bottom - top, tile_cols, tile_rows, components)
        is_placed = tile_left <= left < tile_left + tile_cols
        is_placed = is_placed and tile_top <= top < tile_top + tile_rows
        precisions = bytes(body[SIZES.size :])
        is_plain = precisions[1::3] + precisions[2::3] == b"\1" * (2 * components)
        is_right = segment.fits(found.rows, found.cols) and components == segment.samples
        if is_placed and is_plain and is_right:
            if found.tiles > MAX_TILES:
                message = f"the JPEG 2000 stream has {found.tiles} tiles"
                raise LimitError(message, asked=found.tiles, allowed=MAX_TILES)
            return found
    message = (
        f"the tile is not a JPEG 2000 stream of {segment.shape} samples that are not subsampled"
    )
    raise CorruptTileError(message)


def _check_coded(coded: memoryview, packets: int) -> None:
    """Refuse coded bytes that no coder makes: the stream was overwritten (tiff.jpeg2000.coded).

    OpenJPEG makes pixels of any bytes. But a coder stuffs bits so that none above 0x8F follows a
    0xFF, and a byte of 0 is an empty packet.

    Raises:
        CorruptTileError: there are some.
    """
    data = bytes(coded)
    found = NOT_CODED.search(data)
    hole = data.find(bytes(packets + FEW_ZEROS))
    if found is not None or hole >= 0:
        at = hole if found is None else found.start()
        message = f"the JPEG 2000 stream is overwritten, {at} bytes behind its start of data"
        raise CorruptTileError(message)


def _check_style(sizes: Sizes, body: memoryview, own_precincts: bool, layers: int) -> int:  # noqa: FBT001
    """Refuse coding styles that make too many packets; return how many they make."""
    levels, *blocks = body[:3]
    if levels > MAX_LEVELS or any(block > 8 for block in blocks) or sum(blocks) > 8:  # noqa: PLR2004
        message = f"the JPEG 2000 stream has {levels} levels of code blocks {tuple(blocks)}"
        raise CorruptTileError(message)
    packets = 0
    for level in range(levels + 1):  # 0: the smallest
        place = 5 + level
        size = body[place] if own_precincts and place < len(body) else 0xFF
        shift = levels - level
        across = -(-min(sizes.tile_cols, sizes.cols) >> shift) >> (size & 15)
        down = -(-min(sizes.tile_rows, sizes.rows) >> shift) >> (size >> 4)
        packets += (across + 1) * (down + 1)
    packets *= sizes.tiles * sizes.components * max(layers, 1)
    if packets > MAX_PACKETS:
        message = f"the JPEG 2000 stream has {packets} packets"
        raise LimitError(message, asked=packets, allowed=MAX_PACKETS)
    return packets
