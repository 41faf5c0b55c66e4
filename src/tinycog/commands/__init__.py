"""The commands of `tinycog`, a module each; `tinycog.cli` imports the one that is run.

- one file: `info.py`, `tile.py`, `preview.py`, `plan.py`, `validate.py`, `demo.py`
- files that are written: `cogify.py`, `mosaic.py`, `stack.py`, `export.py`, `index.py`;
  `write_options.py` has the options of `tinycog.write`
- shared: `opening.py` (what a person names, and how it is opened), `saving.py` (rasters and other
  results, by the ending of their name), `printing.py` (requests, numbers, plurals),
  `progress.py` (how far a long command is), `values.py` (words of the command line as values),
  `outcome.py` (errors in one line, exit statuses)

A command is a module with `add_options(parser)`, which sets `run`: an async function of the
arguments that returns an exit status, or None if all is well.
"""
