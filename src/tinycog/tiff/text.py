"""Text of a file, whatever it is encoded in (tiff.value.text)."""

from __future__ import annotations


def text_of(data: bytes) -> str:
    """Decode UTF-8; what is none is taken for Latin-1, in which every byte is a character."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
