"""A kit: georeferences of every kind, and where they lie by tinycog and by GDAL with PROJ.

case.py          a case, as data
by_gdal.py       CRSs that GDAL writes, in its own and in ESRI's way
by_hand.py       keys that no careful writer would write
models.py        tags that take pixels to coordinates
matrix.py        all cases, and the part of every day
judge.py         ten points of each, by both
expected.py      refusals and deviations that are right, with the reason
run.py           the command
"""
