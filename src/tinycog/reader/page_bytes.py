"""How many bytes are read at least of a header, and of values that lie apart from it."""

from __future__ import annotations

HEAD_BYTES = 1 << 15
"""Bytes of the first request; they hold the header of most COGs (cog.header.size)."""

VALUE_PAGE_BYTES = 1 << 10
"""Fewest bytes read where values, or SubIFDs, lie apart."""
