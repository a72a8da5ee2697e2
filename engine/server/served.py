"""What a service serves: the open gallery, and the limits within which it is served."""

from __future__ import annotations

from dataclasses import dataclass

from ..catalog.service import ServiceStore
from ..images import ImageLimits
from ..recognizer import Recognizer
from .options import ServerOptions


@dataclass(frozen=True, slots=True)
class Served:
    """Handed to whatever works on the gallery: to the line of queries, and to the jobs."""

    recognizer: Recognizer
    options: ServerOptions

    @property
    def store(self) -> ServiceStore:
        """What the service keeps in the gallery's database."""
        return self.recognizer.gallery.catalog.service

    @property
    def limits(self) -> ImageLimits:
        """What one picture may cost."""
        return ImageLimits(self.options.max_image_bytes, self.options.max_image_pixels)
