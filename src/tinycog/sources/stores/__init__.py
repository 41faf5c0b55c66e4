"""Ranges of objects in fsspec file systems and object stores, with their generation.

::

    answer.py        what a read is asked for, and gives
    reader.py        which way a range is read, where, and for how long
    s3.py  gcs.py  azure.py  web.py     by s3fs, gcsfs, adlfs, fsspec's own http
    by_info.py       all others: what they tell of an object, before and after its bytes
    obspec.py        by a store with obspec's methods
    timed.py         how long a read may take
    names.py         what of that names a generation
    response.py      checks of the answer of a store
    threads.py       blocking calls, in threads that may hang
    errors.py        what file systems and stores raise
    obspec_errors.py what obspec's names and obstore's text of errors mean
    status.py        the HTTP status in it
    fork.py          a file system in a child process
"""
