"""`timm:NAME`: any image model of the timm library, such as `timm:resnet18.a1_in1k`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import BackboneError
from ..hub import hub_file, unavailable, url_file
from ..preprocessing import Preprocessing, decode_side
from ..pretrained import Network, Pretrained, checkpoint_file

_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class TimmModel(Pretrained):
    """`timm:NAME`, with timm's published weights or, as `timm:NAME@PATH`, a checkpoint's."""

    name: str
    model: str
    checkpoint: Path | None
    may_fetch: bool = True

    def weights(self) -> Path:
        if self.checkpoint is not None:
            return checkpoint_file(self.name, self.checkpoint)
        published = self._published()
        if published.hf_hub_id:
            files = (published.hf_hub_filename,) if published.hf_hub_filename else _HUB_FILES
            return hub_file(self.name, published.hf_hub_id, files, may_fetch=self.may_fetch)
        if published.url:
            from timm.models._hub import download_cached_file

            return url_file(
                self.name,
                published.url,
                lambda: download_cached_file(published.url),
                may_fetch=self.may_fetch,
            )
        raise unavailable(self.name, "timm", "no weights of it are published")

    def network(self, weights: Path) -> Network:
        import timm
        from timm.data.config import resolve_model_data_config

        self._published()  # the error for unknown names
        if self.checkpoint is None:
            module: Any = timm.create_model(
                self.model,
                pretrained=True,
                pretrained_cfg_overlay={"file": str(weights)},
                num_classes=0,
            )
        else:
            module = timm.create_model(self.model, pretrained=False, num_classes=0)
            self._load_checkpoint(module, weights)
        module.eval()
        preprocessing = self._preprocessing(
            resolve_model_data_config(module)  # type: ignore[no-untyped-call]
        )
        dimension = getattr(module, "head_hidden_size", None) or module.num_features
        architecture = f"timm {self.model.partition('.')[0]}"
        return Network(architecture, module, preprocessing, int(dimension))

    def _published(self) -> Any:
        from timm.models import get_pretrained_cfg

        try:
            return get_pretrained_cfg(self.model, allow_unregistered=False)
        except RuntimeError as error:
            raise BackboneError(
                f"{self.name}: expected the name of a timm model but got {self.model!r} ({error}); "
                "`timm.list_models()` lists them"
            ) from error

    def _load_checkpoint(self, module: Any, weights: Path) -> None:
        """Loads strictly: every tensor of the network, and nothing else but a head."""
        from timm.models import load_state_dict

        try:
            tensors = load_state_dict(str(weights), weights_only=True)
            result = module.load_state_dict(tensors, strict=False)
        except Exception as error:  # an unpickler fails in any way it likes on foreign data
            raise BackboneError(f"{self.name}: can't load {weights}: {error}") from error
        heads = _names(module.pretrained_cfg.get("classifier"))
        foreign = [key for key in result.unexpected_keys if not key.startswith(heads)]
        if result.missing_keys or foreign:
            raise BackboneError(
                f"{self.name}: {weights} does not hold this model's weights: "
                f"missing {result.missing_keys[:3] or 'none'}, unexpected {foreign[:3] or 'none'}"
            )

    def _preprocessing(self, config: dict[str, Any]) -> Preprocessing:
        _, height, width = config["input_size"]
        mode = config.get("crop_mode") or "center"
        if height != width or mode not in ("center", "squash"):
            raise BackboneError(
                f"{self.name}: expected a model of square pictures, cropped or squashed, "
                f"but its input is {height} × {width}, {mode}"
            )
        resize = int(height / config["crop_pct"])
        return Preprocessing(
            image_size=height,
            resize=resize,
            fit="squash" if mode == "squash" else "crop",
            interpolation=config["interpolation"],
            mean=tuple(config["mean"]),
            std=tuple(config["std"]),
            decode_short_side=decode_side(resize),
        )


def _names(classifier: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Prefixes of a head's tensors."""
    names = (classifier,) if isinstance(classifier, str) else classifier or ()
    return tuple(f"{name}." for name in names)
