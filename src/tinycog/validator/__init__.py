"""Whether a file keeps the rules of others: rules over parsed facts, no I/O.

::

    rule.py         a rule, a profile of rules, and what is observed of a file
    report.py       findings and verdicts, as text, JSON and JUnit
    advice.py       commands that mend what breaks a rule
    facts.py        what rules look at: header, images in their roles, the index of each
    read_facts.py   parsers that read those
    read_frames.py  leaders and trailers of blocks, in bulk
    levels.py       comparisons of levels that several profiles make
    measures.py     rules that are measured against values: of documents, and of callers
    gdal_view.py    what GDAL opens, and what it takes for levels
    used_ranges.py  overlaps, what is used twice, what is not used
    any_file.py     rules that every profile has
    gdal_script.py  what GDAL's validator says, to the letter; rio_cogeo.py what rio-cogeo's does
    earth_engine.py Earth Engine's rules; earth_engine_external.py those of its newer page
    set_rule.py     a rule among files that make one image together, and what it looks at
    among_files.py  all of these; set_positions.py where files lie to each other
    set_report.py   the report of several files
    structure.py    how a TIFF is built
    ogc_cog.py      OGC 21-026; ogc_overviews.py its class of overviews
    ogc_bigtiff.py  OGC's draft of BigTIFF; ogc_t17.py that of COG in Testbed-17
    http_rules.py   of a server that gives files by ranges; http_checks.py what looks at its answers
    profiles.py     all of them by name
"""
