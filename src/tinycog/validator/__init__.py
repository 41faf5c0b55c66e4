"""Whether a file keeps the rules of others: rules over parsed facts, no I/O.

::

    rule         a rule, a profile of rules, and what is observed of a file
    report       findings and verdicts, as text, JSON and JUnit
    facts        what rules look at: header, images in their roles, the index of each
    read_facts   parsers that read those, and the leaders and trailers of blocks
    levels       comparisons of levels that several profiles make
    gdal_script  rio_cogeo      what those two validators say, to the letter
    earth_engine structure      Earth Engine's rules | how a TIFF is built
    ogc_cog  ogc_bigtiff  ogc_t17     OGC 21-026 | the draft of BigTIFF | that of Testbed-17
    profiles     all of them by name
"""
