"""What nobody should send: bombs, links, paths that lead elsewhere, markup in every text."""

from __future__ import annotations

import gzip
import io
import logging
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from engine.recognizer import Recognizer
from engine.server.jobs import archives
from engine.server.options import ServerOptions
from tests.server.conftest import client_of, png
from tests.server.test_jobs import archive, begin, finished
from tests.server.test_recognition_routes import enroll

MARKUP = "<img src=x onerror=alert(1)>'\";--"


def tar(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for entry, data in entries:
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def link(kind: bytes, target: str) -> bytes:
    entry = tarfile.TarInfo("link.png")
    entry.type, entry.linkname = kind, target
    return tar((entry, b""))


def zip_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        entry = zipfile.ZipInfo("link.png")
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        packed.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros.png", bytes(20 * 2**20))
    return buffer.getvalue()


def lying_bomb() -> bytes:
    """Its directory claims ten bytes."""
    data = bomb()
    directory = data.index(b"PK\x01\x02")
    return data[: directory + 24] + struct.pack("<I", 10) + data[directory + 28 :]


def encrypted() -> bytes:
    data = bytearray(archive({"a.png": png(1)}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def long_name() -> bytes:
    """A name of 8 MiB, in a few kilobytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.GNU_FORMAT) as packed:
        packed.addfile(tarfile.TarInfo(8 * 2**20 * "a"))
    return buffer.getvalue()


def long_attribute() -> bytes:
    buffer = io.BytesIO()
    comment = {"comment": 8 * 2**20 * "a"}
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as packed:
        entry = tarfile.TarInfo("a.png")
        entry.pax_headers = comment
        packed.addfile(entry)
    return buffer.getvalue()


def huge_directory(*, zip64: bool) -> bytes:
    """A ZIP that says its list of entries takes a gigabyte."""
    data = bytearray(archive({"a.png": png(1)}))
    end = data.index(b"PK\x05\x06")
    if not zip64:
        struct.pack_into("<L", data, end + 12, 2**30)
        return bytes(data)
    offset = struct.unpack_from("<L", data, end + 16)[0]
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 2**30, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return bytes(data[:end]) + record + locator + bytes(data[end:])


def many_folders() -> bytes:
    """More entries than any honest archive; none of them is a picture."""
    folder = tarfile.TarInfo("f")
    folder.type = tarfile.DIRTYPE
    header = folder.tobuf()
    return gzip.compress(header * (archives.MAX_ENTRIES + 1) + bytes(1024), 1)


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a path up": ("a.zip", lambda: archive({"../../up.png": png(1)})),
    "an absolute path": ("a.zip", lambda: archive({"/etc/up.png": png(1)})),
    "a Windows path up": ("a.zip", lambda: archive({"..\\..\\up.png": png(1)})),
    "a drive": ("a.zip", lambda: archive({"C:/up.png": png(1)})),
    "a path up in a tar": ("a.tgz", lambda: tar((tarfile.TarInfo("../up.png"), png(1)))),
    "a symbolic link": ("a.tar.gz", lambda: link(tarfile.SYMTYPE, "/etc/passwd")),
    "a hard link": ("a.tar.gz", lambda: link(tarfile.LNKTYPE, "/etc/passwd")),
    "a device": ("a.tar.gz", lambda: link(tarfile.CHRTYPE, "")),
    "a pipe": ("a.tar.gz", lambda: link(tarfile.FIFOTYPE, "")),
    "a link in a zip": ("a.zip", zip_link),
    "a bomb": ("a.zip", bomb),
    "a bomb that lies": ("a.zip", lying_bomb),
    "a name without end": ("a.tar.gz", long_name),
    "an attribute without end": ("a.tar.gz", long_attribute),
    "a directory without end": ("a.zip", lambda: huge_directory(zip64=False)),
    "a large directory without end": ("a.zip", lambda: huge_directory(zip64=True)),
    "folders without end": ("a.tar.gz", many_folders),
    "an encrypted entry": ("a.zip", encrypted),
    "half an archive": ("a.zip", lambda: archive({"a.png": png(1), "b.png": png(2)})[:150]),
    "no archive": ("a.zip", lambda: b"nothing of the kind"),
    "no tar": ("a.tar.gz", lambda: zlib.compress(b"x" * 1000)),
    "an empty archive file": ("a.zip", lambda: b""),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_whole(
    client: TestClient, opened: Recognizer, tmp_path: Path, case: str
) -> None:
    name, make = HOSTILE[case]
    before = {path for path in tmp_path.rglob("*") if path.name.endswith(".png")}

    answer = client.post("/v1/jobs/enrolment", files={"files": (name, make())})

    assert answer.status_code == 422, answer.text
    assert answer.json()["error"] == "ArchiveError"
    assert {path for path in tmp_path.rglob("*") if path.name.endswith(".png")} == before
    assert not list((opened.gallery.folder.path / "jobs").glob("*"))
    assert client.get("/v1/classes").json()["classes"] == []
    assert client.get("/v1/jobs").json()["jobs"][0]["state"] == "cancelled"


def test_only_so_many_jobs_are_taken(opened: Recognizer) -> None:
    with client_of(opened, ServerOptions(max_jobs=2)) as client:
        jobs = [begin(client, [("a.png", png(1))], hold="true") for _ in range(2)]
        third = client.post("/v1/jobs/enrolment", files={"files": ("a.png", png(1))})
        assert (third.status_code, third.json()["error"]) == (503, "OverloadedError")
        client.post(f"/v1/jobs/{jobs[0]['id']}/cancel")
        assert begin(client, [("a.png", png(1))])["state"] == "waiting"


def test_what_a_job_unpacks_to_is_limited(opened: Recognizer) -> None:
    options = ServerOptions(max_expanded_bytes=1000, max_files=3)
    with client_of(opened, options) as client:
        big = client.post("/v1/jobs/enrolment", files={"files": ("a.png", bytes(2000))})
        files = {f"{seed}.txt": b"x" for seed in range(4)}
        many = client.post("/v1/jobs/enrolment", files={"files": ("a.zip", archive(files))})
    assert (big.status_code, big.json()["error"]) == (413, "TooLargeError")
    assert (many.status_code, many.json()["error"]) == (413, "TooLargeError")


def test_a_body_beyond_the_limit_is_refused_announced_or_not(opened: Recognizer) -> None:
    with client_of(opened, ServerOptions(max_body_bytes=50_000)) as client:
        form = b"--x\r\nContent-Disposition: form-data; name=images; filename=a\r\n\r\n"
        headers = {"content-type": "multipart/form-data; boundary=x"}

        def pieces() -> object:
            yield form
            for _ in range(100):
                yield bytes(1000)

        announced = client.post("/v1/recognize", content=form + bytes(60_000), headers=headers)
        streamed = client.post("/v1/recognize", content=pieces(), headers=headers)

    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert announced.json()["error"] == streamed.json()["error"] == "TooLargeError"


def test_what_is_parsed_before_the_sender_is_known_is_small(client: TestClient) -> None:
    answer = client.post("/v1/session", json={"token": "x" * 300_000})
    assert (answer.status_code, answer.json()["error"]) == (413, "TooLargeError")


@pytest.mark.parametrize("headers", [{"Host": "[::1"}, {"Host": "a]b["}, {"Origin": "http://[x"}])
def test_malformed_names_are_refused_not_stumbled_over(client: TestClient, headers: dict) -> None:
    answer = client.post("/v1/jobs/calibration", headers=headers)
    assert answer.status_code == 403, answer.text


def test_a_picture_of_too_many_pixels_is_refused_undecoded(client: TestClient) -> None:
    data = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    for kind, content in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100)))):
        data += struct.pack(">I", len(content)) + kind + content
        data += struct.pack(">I", zlib.crc32(kind + content))

    answer = client.post("/v1/recognize", files={"images": ("huge.png", data)})

    assert answer.status_code == 422
    assert "pixels" in answer.json()["detail"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"GIF89a",
        b"\xff\xd8\xff\xe0" + b"\0" * 40,
        b"<svg onload=alert(1)>",
        b"II*\0",
        png(1)[:60],
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 200,
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    ],
)
def test_what_is_no_picture_is_refused(client: TestClient, data: bytes) -> None:
    answer = client.post("/v1/recognize", files={"images": ("a.png", data)})
    assert answer.status_code == 422
    assert answer.json()["error"] == "ImageError"


def test_a_users_text_reaches_headers_and_answers_as_text_only(client: TestClient) -> None:
    files = {"image": ("x\r\nSet-Cookie: a=b\r\n.png", png(1))}
    made = client.post("/v1/classes", data={"label": MARKUP}, files=files).json()

    shown = client.get(f"/v1/classes/{made['class_id']}")
    picture = client.get(f"/v1/examples/{made['example_id']}/picture")

    assert shown.json()["label"] == MARKUP
    assert shown.headers["content-type"] == "application/json"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in picture.headers
    assert (
        picture.headers["content-disposition"]
        == f'inline; filename="example-{made["example_id"]}.png"'
    )
    assert "sandbox" in picture.headers["content-security-policy"]
    assert "\n" not in shown.json()["examples"][0]["source"]


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "a\x00b", "x" * 501, "\u2028"])
def test_labels_that_cant_be_are_refused(client: TestClient, label: str) -> None:
    answer = client.post("/v1/classes", data={"label": label}, files={"image": png(1)})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/v1/nothing", b"", 404),
        ("GET", "/nothing", b"", 404),
        ("GET", "/static/nothing.js", b"", 404),
        ("GET", "/v1/classes/77", b"", 404),
        ("DELETE", "/v1/recognize", b"", 405),
        ("POST", "/static/js/app.js", b"", 405),
        ("POST", "/v1/recognize", b"no form", 400),
        ("POST", "/v1/review/forget", b" " * (256 * 1024 + 1), 413),
        ("POST", "/v1/review/forget", b"{not json", 422),
        ("PUT", "/v1/quality/target", b'{"target_fpir": 2}', 422),
        ("GET", "/v1/classes?limit=0", b"", 422),
        ("GET", "/v1/classes/word", b"", 422),
    ],
)
def test_every_error_is_a_problem(
    client: TestClient, method: str, path: str, content: bytes, status: int
) -> None:
    headers = {"content-type": "application/json"} if content[:1] in b" {" else {}
    answer = client.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert all(problem[field] for field in ("type", "title", "detail", "error"))


def test_names_in_archives_become_labels_never_files(
    client: TestClient, opened: Recognizer
) -> None:
    packed = archive(
        {f"{MARKUP.replace('/', '')}.png": png(1), "con.png": png(2), "a\tb.png": png(3)}
    )

    job = finished(client, begin(client, [("a.zip", packed)])["id"])

    labels = {entry["label"] for entry in client.get("/v1/classes").json()["classes"]}
    assert job["state"] == "done"
    assert {MARKUP, "con"} <= labels
    assert not any("onerror" in path.name for path in opened.gallery.folder.path.rglob("*"))


def test_nothing_a_user_sends_is_logged_unescaped_nor_any_token(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        enroll(client, "evil\u001b[31mlabel".replace("\u001b", ""), 1)
        client.get("/v1/classes", headers={"Authorization": "Bearer onelook_secret_hush"})
        client.get("/v1/classes/1%0d%0aX:1")
        client.post("/v1/recognize", files={"images": ("a\nb.png", b"x")})
    assert "hush" not in caplog.text
    assert "\x1b" not in caplog.text
    assert not any(
        "\n" in record.getMessage()
        for record in caplog.records
        if record.name.startswith("onelook")
    )


def test_every_answer_forbids_what_the_page_doesnt_need(client: TestClient) -> None:
    for path in ("/", "/static/js/app.js", "/v1/classes", "/nowhere", "/v1/classes/0"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py"]
)
def test_only_the_pages_own_files_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_asks_for_nothing_from_elsewhere_and_has_no_inline_code(
    client: TestClient,
) -> None:
    static = Path(__file__).parents[2] / "engine" / "server" / "static"
    for file in static.rglob("*"):
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file
        assert "https://" not in text, file
        for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert unsafe not in text, file
    page = client.get("/").text
    assert "<script>" not in page
    assert "style=" not in page


def test_a_read_only_gallery_recognises_and_refuses_changes(gallery: Path) -> None:
    with Recognizer.open(gallery, backbone="fake") as writing:
        writing.enroll("cup", png(1))
    with (
        Recognizer.open(gallery, read_only=True, backbone="fake") as reading,
        client_of(reading, ServerOptions(keep_unknown=5)) as client,
    ):
        answer = client.post("/v1/recognize", files={"images": png(1)})
        assert answer.json()["results"][0]["label"] == "cup"
        assert client.post("/v1/recognize", files={"images": png(9)}).status_code == 200
        refused = client.post("/v1/classes", data={"label": "mug"}, files={"image": png(2)})
        assert (refused.status_code, refused.json()["error"]) == (403, "ReadOnlyError")
