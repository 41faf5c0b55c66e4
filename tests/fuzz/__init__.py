"""Broken files by the million: whatever the bytes, a right result or a `TinycogError`.

The rooms::

    places.py     where a file says what it is: entries, values, indexes, streams
    mutate.py     one broken file made of a good one
    cases.py      one broken file as data: a name and a seed
    ways.py       pieces of `exercise`: outcomes, answers in pieces, memory that is not zero
    exercise.py   all that a user may do with a file, some of it in two ways
    watch.py      one case: what it raised, how long it took, how much memory
    children.py   many cases in child processes, which may hang, burst or crash
    minimize.py   the smallest file that still fails so
    keep.py       failures to files in tests/corpus
    run.py        the command: mutation fuzzing
    guided.py     the command: coverage-guided fuzzing, by atheris
    replay.py     the command: cases and files again
    streams.py    broken streams of one codec
    decoders.py   the command: two decoders of a codec, held against each other

A case is a file's name and a seed, and no case depends on another. The tools need Linux.
"""
