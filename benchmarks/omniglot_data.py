"""The Omniglot data set in its official layout: alphabets, drawers, and the 20 one-shot runs.

Lake, Salakhutdinov and Tenenbaum, *Human-level concept learning through probabilistic program
induction*, Science 2015. Each character was drawn once by each of 20 drawers.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from engine.types import ByteArray, IntArray

SIDE = 48  # of a prepared glyph, in pixels
_MARGIN = 1.15  # side of the crop over the longer side of the glyph's box
_LEAST_CROP = 0.15  # a dot isn't blown up beyond this share of the picture's side


class OmniglotError(Exception):
    """The folder given isn't Omniglot in its official layout."""


@dataclass(frozen=True, slots=True)
class Characters:
    """Every drawing of some alphabets, in the order of alphabet, character, drawer.

    Attributes:
        glyphs: `(n, SIDE, SIDE) uint8`, ink 255 on 0, cropped to the ink.
        classes: `(n,) int64`, the character's number among all of these.
        alphabets: `(n,) int64`, the alphabet's number.
        drawers: `(n,) int64`, 0 to 19.
        names: the alphabets' names.
    """

    glyphs: ByteArray
    classes: IntArray
    alphabets: IntArray
    drawers: IntArray
    names: tuple[str, ...]

    def subset(self, alphabets: list[int]) -> Characters:
        """The same without the other alphabets; characters are numbered anew."""
        kept = np.isin(self.alphabets, alphabets)
        _, classes = np.unique(self.classes[kept], return_inverse=True)
        return Characters(
            self.glyphs[kept],
            classes.astype(np.int64),
            self.alphabets[kept],
            self.drawers[kept],
            self.names,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One official run: 20 characters of one alphabet, one example of each, one test of each.

    Attributes:
        name: such as `run01`.
        examples: label to encoded picture.
        tests: encoded picture and its true label.
    """

    name: str
    examples: dict[str, bytes]
    tests: list[tuple[bytes, str]]


def prepare_glyph(picture: Image.Image) -> ByteArray:
    """Crop a drawing to its ink, centred, and scale it: `(SIDE, SIDE) uint8`, ink 255 on 0.

    Where a glyph stands on its sheet, and how large it is, says who drew it more than what it is.
    """
    grey = 255 - np.asarray(picture.convert("L"))
    rows, columns = np.flatnonzero(grey.max(axis=1) > 127), np.flatnonzero(grey.max(axis=0) > 127)
    if len(rows) == 0:
        return np.zeros((SIDE, SIDE), np.uint8)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    half = max(_MARGIN * max(bottom - top, right - left), _LEAST_CROP * max(grey.shape)) / 2
    across, down = (left + right) / 2, (top + bottom) / 2
    border = int(np.ceil(half))
    sheet = Image.fromarray(np.pad(grey, border))
    box = tuple(border + edge for edge in (across - half, down - half, across + half, down + half))
    return np.asarray(sheet.resize((SIDE, SIDE), Image.Resampling.BOX, box=box))


class Omniglot:
    """Reads the data set from a folder of its zip files, or of what they hold.

    Raises:
        OmniglotError: a part is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def characters(self, part: str) -> Characters:
        """All drawings of `images_background` or `images_evaluation`."""
        glyphs, classes, alphabets, drawers = [], [], [], []
        names: list[str] = []
        seen: dict[tuple[str, str], int] = {}
        for path, content in self._files(part):
            alphabet, character, file = path.split("/")[-3:]
            if not names or names[-1] != alphabet:
                names.append(alphabet)
            glyphs.append(prepare_glyph(Image.open(BytesIO(content))))
            classes.append(seen.setdefault((alphabet, character), len(seen)))
            alphabets.append(len(names) - 1)
            drawers.append(int(Path(file).stem.split("_")[1]) - 1)
        return Characters(
            np.stack(glyphs),
            np.array(classes, np.int64),
            np.array(alphabets, np.int64),
            np.array(drawers, np.int64),
            tuple(names),
        )

    def runs(self) -> list[Run]:
        """The 20 official one-shot runs, in order."""
        files = dict(self._files("all_runs"))
        keys = {path[-len("run01/class_labels.txt") :]: path for path in files}
        found = []
        for number in range(1, 21):
            name = f"run{number:02d}"
            listing = keys.get(f"{name}/class_labels.txt")
            if listing is None:
                raise OmniglotError(f"{self._folder}: expected all_runs to hold {name}")
            root = listing[: -len(f"{name}/class_labels.txt")]
            pairs = [line.split() for line in files[listing].decode().splitlines() if line]
            examples = {label: files[root + label] for _, label in pairs}
            found.append(
                Run(name, examples, [(files[root + test], label) for test, label in pairs])
            )
        return found

    def _files(self, part: str) -> Iterator[tuple[str, bytes]]:
        """Paths, sorted, and contents of a part's pictures and lists."""
        archive, folder = self._folder / f"{part}.zip", self._folder / part
        if archive.is_file():
            with zipfile.ZipFile(archive) as opened:
                for name in sorted(opened.namelist()):
                    if name.endswith((".png", ".txt")) and not name.startswith("__MACOSX"):
                        yield name, opened.read(name)
            return
        if part == "all_runs" and not folder.is_dir():
            folder = self._folder  # the archive unpacked in place
        paths = sorted(folder.glob("run??/**/*" if part == "all_runs" else "*/*/*.png"))
        if not paths:
            raise OmniglotError(
                f"{self._folder}: expected {part}.zip or a folder {part} in Omniglot's layout"
            )
        for path in paths:
            if path.suffix in {".png", ".txt"}:
                yield path.relative_to(folder).as_posix(), path.read_bytes()
