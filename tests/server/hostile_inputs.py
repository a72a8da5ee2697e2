"""Makes what nobody should send, from seeds: pictures, archives, JSON, headers, damaged files."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image

Random = random.Random
Request = tuple[str, str, dict[str, Any]]

NINES = "9" * 5000
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_NUMBERS = (0, -1, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308)
_ODD_TEXT = (
    "",
    " ",
    "\0",
    "\ud800",
    "\u202e",
    "\u200b",
    "a" * 501,
    "😀",
    "../../x",
    "'; --",
    "%00",
)


def picture(chosen: Random) -> bytes:
    """A file that may be a picture, damaged in one of several ways."""
    kind = chosen.choice(_FORMATS)
    image = Image.new(
        chosen.choice(("RGB", "L", "RGB", "1")),
        (chosen.choice((1, 2, 31, 400)), chosen.choice((1, 3, 64, 300))),
        chosen.randrange(2),
    )
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return damaged(chosen, chosen.choice((buffer.getvalue(), _claimed(chosen), _noise(chosen))))


def archived(chosen: Random) -> tuple[str, bytes]:
    """A name and an archive, a bomb, or what is left of one."""
    ending, pack = chosen.choice(
        (
            (".tar", bytes),
            (".tar.gz", lambda data: gzip.compress(data, 1)),
            (".tar.bz2", lambda data: bz2.compress(data, 1)),
            (".tar.xz", lambda data: lzma.compress(data, preset=0)),
            (".zip", None),
        )
    )
    names = [
        chosen.choice(("a.png", "b/c.png", "../up", "/x", "C:/y", ".h", *_ODD_TEXT[:3]))
        for _ in range(3)
    ]
    sizes = [chosen.choice((0, 10, 5000, 2**20)) for _ in names]
    data = _tar(chosen, names, sizes) if pack else _zip(chosen, names, sizes)
    return f"a{ending}", damaged(chosen, pack(data) if pack else data)


def hostile_requests(seed: int, count: int) -> Iterator[Request]:
    """Method, path and content of requests, for any HTTP client."""
    chosen = Random(seed)
    for _ in range(count):
        yield chosen.choice((_with_picture, _with_archive, _with_json, _with_headers, _with_path))(
            chosen
        )


def _with_picture(chosen: Random) -> Request:
    path = chosen.choice(("/v1/recognize", "/v1/nearest", "/v1/classes", "/v1/feedback"))
    name = "images" if path in ("/v1/recognize", "/v1/nearest") else "image"
    files = [(name, (chosen.choice(("a.png", "\u202e.png", "x" * 400)), picture(chosen)))]
    data = {
        chosen.choice(("candidates", "k", "label")): chosen.choice(
            ("1", "-1", "9" * 30, "a", "1e3")
        )
    }
    return "POST", path, {"files": files * chosen.choice((1, 1, 3)), "data": data}


def _with_archive(chosen: Random) -> Request:
    return "POST", "/v1/jobs/enrolment", {"files": {"files": archived(chosen)}}


def _with_json(chosen: Random) -> Request:
    method, path, field = chosen.choice(
        (
            ("POST", "/v1/session", "token"),
            ("PATCH", "/v1/classes/1", "label"),
            ("PATCH", "/v1/classes/1", "pinned_threshold"),
            ("POST", "/v1/classes/1/merge", "class_ids"),
            ("POST", "/v1/review/forget", "query_ids"),
            ("POST", "/v1/review/enroll", "label"),
            ("PUT", "/v1/quality/target", "target_fpir"),
        )
    )
    if field == "label" and path == "/v1/classes/1":
        path = "/v1/classes/999"  # an honest caller's class keeps its name
    text = chosen.choice(
        (
            json.dumps({field: _value(chosen, 3)}),
            f'{{"{field}": {chosen.choice(("NaN", "Infinity", "-Infinity", "1e999", NINES))}}}',
            "[" * chosen.choice((10, 50_000)),
            f'{{"{field}": "\\ud800"}}',
            json.dumps({field: [2**70, -1]}),
        )
    )
    data = damaged(chosen, text.encode("utf-8", "surrogatepass"))
    return method, path, {"content": data, "headers": {"content-type": "application/json"}}


def _with_headers(chosen: Random) -> Request:
    name = chosen.choice(("Authorization", "Cookie", "Origin", "Host", "X-Forwarded-For", "Range",
                          "If-None-Match", "Content-Type", "Forwarded", "Via"))  # fmt: skip
    value = chosen.choice(
        (b"", b"\xff\xfe", b"a" * 5000, b"bytes=0-1,2-3", b"Bearer onelook_x_y", b"[::1", b"*")
    )
    path = chosen.choice(("/", "/v1/gallery", "/v1/examples/1/picture", "/static/js/app.js"))
    return "GET", path, {"headers": {name: value}}


def _with_path(chosen: Random) -> Request:
    start = chosen.choice(("/v1/classes/", "/v1/examples/", "/v1/jobs/", "/v1/review/", "/static/"))
    odd = chosen.choice(
        (*map(str, _NUMBERS[:7]), "9" * 400, "..%2f..%2fapp.py", "%00", "%ff", "a/b/c")
    )
    end = chosen.choice(("", "/picture", "?limit=99999999999999999999", "?after=%00&search=%ff"))
    return chosen.choice(("GET", "DELETE", "PATCH")), f"{start}{odd}{end}", {}


def _value(chosen: Random, depth: int) -> Any:
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: chosen.choice(_NUMBERS),
        lambda: chosen.choice(_ODD_TEXT),
        lambda: None,
        lambda: [_value(chosen, depth - 1) for _ in range(3)] if depth else [],
        lambda: {"a": _value(chosen, depth - 1)} if depth else {},
    )
    return chosen.choice(kinds)()


def damaged(chosen: Random, data: bytes) -> bytes:
    """The same, cut, or with bytes changed, moved or repeated."""
    way = chosen.randrange(5)
    changed = bytearray(data)
    if way == 0 or not changed:
        return data
    if way == 1:
        return data[: chosen.randrange(len(data))]
    for _ in range(chosen.choice((1, 4, 40))):
        place = chosen.randrange(len(changed))
        if way == 2:
            changed[place] = chosen.randrange(256)
        elif way == 3:
            changed[place : place + 4] = struct.pack(
                ">I", chosen.choice((0, 1, 2**31 - 1, 2**32 - 1))
            )
        else:
            changed[place:place] = changed[place : place + chosen.randrange(1, 50)]
    return bytes(changed)


def _claimed(chosen: Random) -> bytes:
    """A PNG that claims a size, and holds zeros for another."""
    sides = [chosen.choice((0, 1, 1000, 2000, 60_000, 2**31 - 1)) for _ in range(2)]
    header = struct.pack(
        ">IIBBBBB", *sides, chosen.choice((1, 8, 16)), chosen.choice((0, 2, 3, 6)), 0, 0, 0
    )
    chunks = [
        (b"IHDR", header),
        (chosen.choice((b"zTXt", b"iCCP", b"tEXt")), b"a\0\0" + zlib.compress(bytes(2**20))),
    ]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in [*chunks, (b"IDAT", zlib.compress(bytes(2**22))), (b"IEND", b"")]:
        data += struct.pack(">I", len(content)) + kind + content
        data += struct.pack(">I", zlib.crc32(kind + content))
    return data


def _noise(chosen: Random) -> bytes:
    starts = (
        b"\xff\xd8\xff\xe0",
        b"GIF89a",
        b"RIFF\0\0\1\0WEBPVP8X",
        b"II*\0",
        b"MM\0*",
        b"BM",
        b"\x89PNG\r\n\x1a\n",
        b"<svg>",
    )
    return chosen.choice(starts) + chosen.randbytes(chosen.choice((0, 20, 2000)))


def _tar(chosen: Random, names: list[str], sizes: list[int]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=chosen.choice((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    ) as packed:
        for name, size in zip(names, sizes, strict=True):
            entry = tarfile.TarInfo(name or "a")
            entry.size = size
            entry.type = chosen.choice(
                (
                    tarfile.REGTYPE,
                    tarfile.REGTYPE,
                    tarfile.DIRTYPE,
                    tarfile.SYMTYPE,
                    tarfile.CHRTYPE,
                )
            )
            packed.addfile(entry, io.BytesIO(bytes(size)))
    return buffer.getvalue()


def _zip(chosen: Random, names: list[str], sizes: list[int]) -> bytes:
    buffer = io.BytesIO()
    method = chosen.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    with zipfile.ZipFile(buffer, "w", method) as packed:
        for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
            packed.writestr(f"{number}{name}".replace("\0", ""), bytes(size))
    return buffer.getvalue()
