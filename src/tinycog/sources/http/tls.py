"""The TLS context of this process; to import this module takes some 100 ms, in a worker thread.

It checks certificates against the system's, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
"""

from __future__ import annotations

import ssl

CONTEXT = ssl.create_default_context()

CONTEXT.set_alpn_protocols(["http/1.1"])
