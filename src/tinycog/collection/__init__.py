"""Many files as one: what is known of each, without opening it.

It reads by the public face alone; of what lies below, it uses coordinates, checks and errors.

::

    collection.py         the sequence of assets, and what makes it
    asset.py              one file: its facts, and `open`
    open_options.py       arguments of `open` that assets share
    stack_steps.py        assets as files of a stack, and its steps in time
    facts.py              an open file to an asset
    read_headers.py       many headers, side by side
    refreshing.py         which files were replaced or removed since
    given_facts.py        names, properties and times that a caller gives
    times.py              times as text and as numbers
    columns.py            what filters look at, as arrays
    property_columns.py   properties as arrays
    filters.py            which assets lie in an area, in a time, have properties
    wkb.py                GeoJSON to WKB
    rows.py               where assets are kept: in memory, in a file
    json_lines.py         an index as JSON Lines
    sidecar.py            its columns, kept beside it
    stac_read.py          STAC items to assets
    stac_assets.py        which assets of an item, and what is said of each
    stac_write.py         assets to STAC items
    geo_parquet.py        an index as GeoParquet with STAC's columns
    geo_frames.py         GeoDataFrames
"""
