"""Series: the images of several dimensions that pages make together, as their writers say. No I/O.

::

    model.py         Series, Plane: names, shapes, axes, and which page holds which plane
    parse_series.py  which of the formats a file is, and its series
    ome.py           OME-XML
    imagej.py        ImageJ, MetaMorph (STK): stacks behind one IFD
    shaped.py        tifffile's own JSON
    slides.py        Aperio SVS, Hamamatsu NDPI
    grouping.py      pages that are alike, in any other file; pyramids of groups

Names, shapes and axes are those of tifffile.
"""
