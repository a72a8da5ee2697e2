"""A contact sheet: queries beside the catalog pictures they came nearest to, and the verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .errors import StorageError

COLUMNS = 4
PICTURE = 112
GAP = 14
CAPTION = 46
MARGIN = 28
TITLE = 70
SCALE_INDENT = 40

PAPER, CARD, INK, PALE, TRACK = "#f4f5f7", "#ffffff", "#1d2430", "#7a8494", "#e3e6eb"
GOOD, BAD, WITHHELD = "#1a7f4b", "#c0392b", "#8a93a3"


@dataclass(frozen=True, slots=True)
class Tile:
    """One query on the sheet.

    Attributes:
        query, nearest: the pictures.
        answer: the label given, or None for unknown.
        truth: the right label, or None for a stranger.
        score, threshold: of the nearest class, as similarities.
        outline: x and y of corners, in the query's pixels, between which the thing was found.
    """

    query: Path
    nearest: Path
    answer: str | None
    truth: str | None
    score: float
    threshold: float
    outline: tuple[tuple[float, float], ...] = ()

    @property
    def colour(self) -> str:
        """Green for a right answer, red for a wrong one, grey for a known thing held unknown."""
        if self.answer == self.truth:
            return GOOD
        return WITHHELD if self.answer is None else BAD

    @property
    def caption(self) -> str:
        """What was answered, and what it should have been where that differs."""
        answer = self.answer or "unknown"
        if self.answer == self.truth:
            return answer if self.truth else "unknown (a stranger)"
        return f"{answer} (is {self.truth or 'a stranger'})"


def contact_sheet(tiles: Sequence[Tile], path: Path, *, title: str) -> None:
    """Draw the tiles and write a PNG; its folder is made if need be.

    Raises:
        StorageError: it can't be written.
    """
    rows = -(-len(tiles) // COLUMNS)
    width = 2 * MARGIN + COLUMNS * (_tile_width() + GAP) - GAP
    height = 2 * MARGIN + TITLE + rows * (_tile_height() + GAP) - GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 6), title, fill=INK, font=ImageFont.load_default(22))
    _legend(draw, (MARGIN, MARGIN + 30))
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        x = MARGIN + column * (_tile_width() + GAP)
        y = MARGIN + TITLE + row * (_tile_height() + GAP)
        _draw_tile(sheet, draw, tile, x, y)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path, optimize=True)
    except OSError as error:
        raise StorageError(f"{path}: the contact sheet could not be written: {error}") from None


def _tile_width() -> int:
    return 2 * PICTURE + 3 * GAP


def _tile_height() -> int:
    return PICTURE + 2 * GAP + CAPTION


def _legend(draw: ImageDraw.ImageDraw, at: tuple[int, int]) -> None:
    font = ImageFont.load_default(14)
    x, y = at
    entries = ((GOOD, "right"), (WITHHELD, "known, but held unknown"), (BAD, "wrong"))
    for colour, text in entries:
        draw.rounded_rectangle((x, y + 2, x + 12, y + 14), 3, fill=colour)
        draw.text((x + 18, y), text, fill=PALE, font=font)
        x += 34 + int(draw.textlength(text, font=font))
    hint = (
        "left the query, right the nearest catalog picture; the bar is the score, | the threshold"
    )
    draw.text((x + 6, y), hint, fill=PALE, font=font)


def _draw_tile(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, x: int, y: int) -> None:
    draw.rounded_rectangle((x, y, x + _tile_width(), y + _tile_height()), 10, fill=CARD)
    draw.rectangle((x, y + 10, x + 3, y + _tile_height() - 10), fill=tile.colour)
    for number, picture in enumerate((tile.query, tile.nearest)):
        left = x + GAP + number * (PICTURE + GAP)
        outline = tile.outline if number == 0 else ()
        sheet.paste(_thumbnail(picture, outline), (left, y + GAP))
    caption = _fitted(draw, tile.caption, _tile_width() - 2 * GAP)
    base = y + GAP + PICTURE + 8
    draw.text((x + GAP, base), caption, fill=tile.colour, font=ImageFont.load_default(16))
    figures = f"score {tile.score:.2f}   threshold {tile.threshold:.2f}"
    draw.text((x + GAP, base + 22), figures, fill=PALE, font=ImageFont.load_default(13))
    _draw_scale(draw, tile, x + 2 * GAP + PICTURE + SCALE_INDENT, base + 31)


def _draw_scale(draw: ImageDraw.ImageDraw, tile: Tile, x: int, y: int) -> None:
    """From 0 to 1: the score as a bar, the threshold as a tick across it."""
    width = PICTURE - SCALE_INDENT
    draw.rectangle((x, y - 2, x + width, y + 2), fill=TRACK)
    draw.rectangle((x, y - 2, x + _along(tile.score, width), y + 2), fill=tile.colour)
    tick = x + _along(tile.threshold, width)
    draw.rectangle((tick - 1, y - 6, tick, y + 6), fill=INK)


def _along(share: float, width: int) -> int:
    return round(min(max(share, 0.0), 1.0) * width)


def _thumbnail(path: Path, outline: Sequence[tuple[float, float]]) -> Image.Image:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    width, height = picture.size
    picture.thumbnail((PICTURE, PICTURE), Image.Resampling.LANCZOS)
    if outline:
        corners = [(x * picture.width / width, y * picture.height / height) for x, y in outline]
        drawn = ImageDraw.Draw(picture)
        for colour, thick in (("#ffffff", 5), (GOOD, 3)):
            drawn.line([*corners, corners[0]], fill=colour, width=thick, joint="curve")
    framed = Image.new("RGB", (PICTURE, PICTURE), CARD)
    framed.paste(picture, ((PICTURE - picture.width) // 2, (PICTURE - picture.height) // 2))
    return framed


def _fitted(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    """The text, cut with an ellipsis where it is wider than that."""
    font = ImageFont.load_default(16)
    if draw.textlength(text, font=font) <= width:
        return text
    while text and draw.textlength(text + "…", font=font) > width:
        text = text[:-1]
    return text + "…"
