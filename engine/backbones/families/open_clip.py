"""`open_clip:MODEL/TAG`: any OpenCLIP model's half for pictures, and when asked that for texts."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import BackboneError
from ...types import FloatArray
from ..hub import hub_file, not_fetched, unavailable, url_file
from ..preprocessing import Preprocessing, decode_side
from ..pretrained import Network, Pretrained, TextEncoder, checkpoint_file

if TYPE_CHECKING:
    from torch import nn

_ARTICLE = re.compile(r"^(an?|the)\s+", re.IGNORECASE)
"""The templates bring their own."""

_HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


@dataclass(frozen=True)
class OpenClipModel(Pretrained):
    """`open_clip:MODEL/TAG`; with `@PATH`, the weights are a checkpoint's.

    A tag says more than where weights are published: its pictures' mean and deviation, how they
    are scaled, and the network's activation. So `MODEL/TAG@PATH` is how to use a published file
    that was fetched by other means; `MODEL@PATH` takes OpenCLIP's defaults for all of that.
    """

    name: str
    model: str
    tag: str | None
    checkpoint: Path | None
    may_fetch: bool = True
    knows_texts: ClassVar[bool] = True

    def weights(self) -> Path:
        if self.checkpoint is not None:
            return checkpoint_file(self.name, self.checkpoint)
        from open_clip import download_pretrained

        published = self._published()
        if published.get("hf_hub"):
            repository, _, filename = published["hf_hub"].rpartition("/")
            return hub_file(self.name, repository, _safe_first(filename), may_fetch=self.may_fetch)
        if published.get("url"):
            url = published["url"]
            return url_file(
                self.name, url, lambda: download_pretrained(published), may_fetch=self.may_fetch
            )
        raise unavailable(self.name, "OpenCLIP", "no weights of it are published")

    def network(self, weights: Path) -> Network:
        visual: nn.Module = self._model(weights).visual
        visual.eval()
        preprocessing = self._preprocessing(visual.preprocess_cfg)  # type: ignore[arg-type]
        activation = " quick_gelu" if self._published().get("quick_gelu") else ""
        architecture = f"open_clip {self.model}{activation}"
        return Network(architecture, visual, preprocessing, self._dimension())

    def text_encoder(self, device: str) -> TextEncoder:
        """Averages each text's place in OpenCLIP's seven usual templates, as OpenCLIP does it."""
        import torch
        from open_clip import build_zero_shot_classifier, get_tokenizer
        from open_clip.zero_shot_metadata import SIMPLE_IMAGENET_TEMPLATES

        if not self.may_fetch and self._text_config().get("hf_tokenizer_name"):
            raise not_fetched(self.name, "its tokenizer, on a hub")
        model = self._model(self.weights()).eval().to(device)
        try:
            with _root_logger_left_alone():
                tokenizer = get_tokenizer(self.model)
        except Exception as error:  # whatever fetching or reading a tokenizer raises
            raise BackboneError(f"{self.name}: can't load its tokenizer: {error}") from error

        def encode(texts: Sequence[str]) -> FloatArray:
            with torch.inference_mode():
                found = build_zero_shot_classifier(
                    model,
                    tokenizer=tokenizer,
                    classnames=[_ARTICLE.sub("", text) for text in texts],
                    templates=SIMPLE_IMAGENET_TEMPLATES,
                    device=device,
                )
            features: FloatArray = np.ascontiguousarray(found.T.float().cpu().numpy())
            return features

        return encode

    def _model(self, weights: Path) -> Any:
        """The whole model, on the CPU."""
        import open_clip
        from open_clip.transform import PreprocessCfg

        published = self._published()
        if not self.may_fetch and self._text_config().get("hf_model_name"):
            raise not_fetched(self.name, "the description of its text half, on a hub")
        known = PreprocessCfg.__dataclass_fields__
        try:
            with _root_logger_left_alone():
                return open_clip.create_model(
                    self.model,
                    pretrained=str(weights),
                    weights_only=True,
                    force_quick_gelu=bool(published.get("quick_gelu")),
                    force_preprocess_cfg={key: published[key] for key in published if key in known},
                )
        except Exception as error:  # whatever building, unpickling or matching tensors raises
            raise BackboneError(f"{self.name}: can't load {weights}: {error}") from error

    def _text_config(self) -> dict[str, Any]:
        from open_clip import get_model_config

        config: dict[str, Any] = get_model_config(self.model)
        text: dict[str, Any] = config.get("text_cfg", {})
        return text

    def _published(self) -> dict[str, Any]:
        """What OpenCLIP knows of the tag; nothing where no tag is named."""
        from open_clip import get_pretrained_cfg, list_models, list_pretrained_tags_by_model

        if self.model not in list_models():
            raise BackboneError(
                f"{self.name}: expected the name of an OpenCLIP model but got {self.model!r}; "
                "`open_clip.list_models()` lists them"
            )
        if self.tag is None:
            return {}
        published: dict[str, Any] = get_pretrained_cfg(self.model, self.tag)
        if not published:
            tags = ", ".join(list_pretrained_tags_by_model(self.model)) or "none"
            raise BackboneError(
                f"{self.name}: expected a tag of {self.model} ({tags}), or a checkpoint as "
                f"open_clip:{self.model}@/path/to/file, but got {self.tag!r}"
            )
        return published

    def _dimension(self) -> int:
        from open_clip import get_model_config

        return int(get_model_config(self.model)["embed_dim"])

    def _preprocessing(self, config: dict[str, Any]) -> Preprocessing:
        size = config["size"]
        height, width = (size, size) if isinstance(size, int) else size
        mode = config["resize_mode"]
        if height != width or mode not in ("shortest", "squash"):
            raise BackboneError(
                f"{self.name}: expected a model of square pictures, cropped or squashed, "
                f"but its input is {height} × {width}, {mode}"
            )
        return Preprocessing(
            image_size=height,
            resize=height,
            fit="squash" if mode == "squash" else "crop",
            interpolation=config["interpolation"],
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
            decode_short_side=decode_side(height),
        )


def _safe_first(filename: str) -> tuple[str, ...]:
    """The published file, preceded by its form that needs no unpickling."""
    if not filename:
        return _HUB_FILES
    if filename.endswith(".safetensors"):
        return (filename,)
    return (str(Path(filename).with_suffix(".safetensors")), filename)


@contextmanager
def _root_logger_left_alone() -> Iterator[None]:
    """Keeps `logging.info`, which OpenCLIP uses, from giving the root logger a handler for good."""
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
