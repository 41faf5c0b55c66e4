"""Files that tinycog writes, read and judged by others."""
