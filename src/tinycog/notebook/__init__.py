"""What notebooks show of a value: HTML by `_repr_html_`. Loaded when it is first shown.

::

    card.py        a table of facts, with pictures: never raises, at most 200 kB, all text escaped
    thumbnail.py   pixels as a PNG of so many bytes
    world_map.py   footprints on the Earth
    plan_bar.py    requests over the bytes of a file, drawn by `byte_map`

What is drawn has no scripts, no ids and no style sheets, and takes its colours from the page, so
that it can be read on a dark one, too. Nothing here reads a file: what a blocking handle fetches
for its thumbnail is in `sync/thumbnail.py`.
"""
