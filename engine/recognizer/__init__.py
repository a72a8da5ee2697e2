"""The façade over the layers below."""

from engine.recognizer.comparing import compare
from engine.recognizer.recognizer import Recognizer

__all__ = ["Recognizer", "compare"]
