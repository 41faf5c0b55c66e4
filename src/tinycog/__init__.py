"""A pure-Python, byte-level reader of TIFF, BigTIFF and Cloud Optimized GeoTIFF over ranges."""

__version__ = "0.1.0.dev0"
