"""The matrix of meaning: which pixels are valid and what they are, by every way of reading.

::

    case.py     files: nodata, masks, alpha, palettes, layouts, dtypes, on each of two levels
    truth.py    what GDAL says of a file, or what a written rule says where GDAL does not
    judge.py    every way of reading, held against the truth
    run.py      the command: `make meaning`
"""
