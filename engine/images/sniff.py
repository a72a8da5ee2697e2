"""What a file's first bytes say it is, since its name's ending may say anything."""

from __future__ import annotations

JPEG, PNG, GIF, WEBP, BMP, TIFF = "JPEG", "PNG", "GIF", "WebP", "BMP", "TIFF"
AVIF, HEIC = "AVIF", "HEIC"
SUPPORTED = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC"

_SUPPORTED = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
)
_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "an icon file (ICO)"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"qoif", "a QOI picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})


def supported_format(data: bytes) -> str | None:
    """The supported format that `data` starts like, or None."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":
        return _heif_format(data)
    return next((name for magic, name in _SUPPORTED if data.startswith(magic)), None)


def _heif_format(data: bytes) -> str | None:
    """By the brands that an ISO base media file names (ISO/IEC 14496-12, section 4.3)."""
    end = min(int.from_bytes(data[:4]), 512)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & _AVIF_BRANDS:
        return AVIF
    return HEIC if data[8:12] in _HEIC_BRANDS else None


def likeness(data: bytes) -> str:
    """A phrase for what unsupported data looks like, to end a sentence with `looks like`."""
    for magic, phrase in _OTHERS:
        if data.startswith(magic):
            return phrase
    if data[4:8] == b"ftyp":
        return "a video"
    if not data.strip(b"\0"):
        return "nothing but zero bytes"
    return _text_likeness(data[:1024]) or "data of an unknown kind"


def _text_likeness(head: bytes) -> str | None:
    try:
        text = head.decode("utf-8-sig").lstrip().lower()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else the cut went through a character
            return None
        text = head[: error.start].decode("utf-8-sig").lstrip().lower()
    if any(ord(character) < 32 and character not in "\t\n\r\f" for character in text):
        return None
    if "<svg" in text:
        return "an SVG drawing"
    if text.startswith(("<!doctype html", "<html")):
        return "a web page"
    return "text"
