"""The conformance matrix: thousands of small files, each read by tinycog, GDAL and tifffile.

The rooms::

    case.py      one file of the matrix: its features, as data
    samples.py   what a sample is: kind, bits, numpy type
    pixels.py    pixels of a case, the same on every run
    axes.py      the axes of the matrix and what goes together, as data
    pairs.py     a small set of rows in which every pair of values occurs
    matrix.py    all cases
    pictures.py  cases of the codecs that hold whole pictures: JPEG, LERC, WebP, ...
    by_gdal.py, by_tifffile.py, by_hand.py   the writers
    hand.py, tricks.py, tricks_*.py          what neither GDAL nor tifffile writes
    readers.py   whole files, all levels, by tinycog, GDAL and tifffile
    judge.py     right, refused, wrong or leaked
    expected.py  the refusals that are known, with reasons
    report.py    spec/conformance.md
    run.py       the command
"""
