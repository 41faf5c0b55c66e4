"""`tinycog serve WHERE`: a page with a map of files, for a browser."""

from __future__ import annotations

import argparse

from tinycog.commands.opening import add_open_options, open_options

EXAMPLES = (
    "tinycog serve image.tif --open",
    "tinycog serve scenes/ --port 9000",
    "tinycog serve s3://bucket/image.tif",
    "tinycog serve index.jsonl",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] WHERE"
    parser.description = (
        "Show files on a map in a browser: levels, bands, stretch, values under the pointer, and"
        " the requests that each view takes. Serves web tiles (XYZ), TileJSON, and the bytes of"
        " local files by ranges, too. Ctrl-C stops it."
    )
    parser.add_argument(
        "where",
        metavar="WHERE",
        help="path or url of a TIFF, a folder of TIFFs, or an index that tinycog index has made",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (default: %(default)s, which only this machine can reach)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        help="port to listen at, 0 = any (default: 8080, or the next free one)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument(
        "--origin",
        action="append",
        metavar="URL",
        help="page that may read bytes and tiles by CORS, such as https://example.com; may be"
        " repeated (default: any)",
    )
    add_open_options(parser, many=True)
    parser.set_defaults(run=serve)


async def serve(args: argparse.Namespace) -> None:
    """Carry the command out."""
    from tinycog.viewer.serve import serve as run  # noqa: PLC0415 - loads a web server

    def started(url: str) -> None:
        print(url, flush=True)

    await run(
        args.where,
        host=args.host,
        port=args.port,
        origins=args.origin or ("*",),
        open_browser=args.open,
        on_start=started,
        **open_options(args),
    )


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 16:
        message = f"a port is 0 to 65535, not {text}"
        raise argparse.ArgumentTypeError(message)
    return number
