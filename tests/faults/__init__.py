"""The kit of server faults: each ends in the right pixels or in a `TinycogError`, in bounds.

The rooms::

    wire.py      a server that says byte by byte what a fault wants
    fault.py     a fault, and the cases that are made of it
    of_*.py      the faults, by kind
    matrix.py    all cases
    client.py    what a case reads; also the child process that does, under limits
    run.py       the command: each case in a process of its own
    soak.py      many reads at once, with faults and cancellations
    replaced.py  many reads of a file that is replaced at a random request
"""
