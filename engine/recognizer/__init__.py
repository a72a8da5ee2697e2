"""The façade over the layers below."""

from .comparing import compare
from .recognizer import Recognizer

__all__ = ["Recognizer", "compare"]
