"""An image that a service gives in parts: what `tinycog.Service` reads by.

::

    facts.py           what the caller says of the image, as facts of a file
    service_file.py    a `PixelFile` of them
    requests.py        windows filled by calls, and by smaller ones of what is too large
    refusals.py        what the function raised: too large, too many, or neither
    lanes.py           how many calls at once, and at which pace
"""
