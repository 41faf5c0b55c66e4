"""Requests to Earth Engine for images in Cloud Storage: made and looked at here, sent by you.

::

    import json
    import tinycog.earth_engine as earth_engine

    request = await earth_engine.create_asset(
        "gs://bucket/image.tif#1234567890",
        "projects/my-project/assets/image",
        properties={"source": "survey"},
        start_time="2016-01-01",
    )
    print(request)                     # what would be refused, and what cannot be known here
    if not request.refused:
        session.post(request.url, data=json.dumps(request.body))

Nothing here talks to Earth Engine. `create_asset` is the older way to an asset that is backed by a
COG, `image_manifest` the newer one, and that of uploads::

    cloud_file.py   files in Cloud Storage, and what Earth Engine says if it cannot load one
    names.py        names of assets, legacy and of Cloud projects
    values.py       properties and times
    request.py      what comes of it
    asset.py        create_asset
    manifest.py     image_manifest
"""

from tinycog.earth_engine.asset import create_asset
from tinycog.earth_engine.cloud_file import CloudFile, load_failure
from tinycog.earth_engine.manifest import ManifestBand, PyramidingPolicy, image_manifest
from tinycog.earth_engine.request import EarthEngineRequest
from tinycog.earth_engine.values import Moment

__all__ = [
    "CloudFile",
    "EarthEngineRequest",
    "ManifestBand",
    "Moment",
    "PyramidingPolicy",
    "create_asset",
    "image_manifest",
    "load_failure",
]
