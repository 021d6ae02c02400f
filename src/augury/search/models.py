"""The networks a search trains: a task model with a critic on its features.

A model takes images (B, C, H, W) in [0, 1] and normalises them itself; it returns task logits and critic scores (B,).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from augury.errors import FieldError
from augury.search import libraries


class SearchModel(nn.Module):
    """Normalisation, then `body`: a module from normalised images to (task logits, critic scores (B, 1) or (B,))."""

    mean: Tensor
    std: Tensor

    def __init__(self, body: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, scores = self.body((image - self.mean) / self.std)
        return logits, scores.float().flatten()


class ClassificationModel(nn.Module):
    """A timm model with a task head and a critic on its pooled features.

    pretrained: False, a file of weights, or True for those in the local Hugging Face cache; never downloads.
    """

    def __init__(
        self, num_classes: int, architecture: str = "resnet18", pretrained: bool | str = False, channels: int = 3
    ) -> None:
        super().__init__()
        arguments = {}
        if pretrained:
            file = libraries.timm_weights(architecture, pretrained)
            arguments = {"pretrained": True, "pretrained_cfg_overlay": {"file": file}}
        self.features = libraries.timm().create_model(architecture, num_classes=0, in_chans=channels, **arguments)
        width = getattr(self.features, "head_hidden_size", None) or self.features.num_features
        self.task = nn.Linear(width, num_classes)
        self.critic = _critic(width)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(image)
        return self.task(features), self.critic(features)


class SemanticSegmentationModel(nn.Module):
    """A segmentation-models-pytorch model with one output channel per class, and a critic on its encoder's features.

    pretrained: as for ClassificationModel, of the encoder.
    """

    def __init__(
        self,
        num_classes: int,
        architecture: str = "Unet",
        encoder_architecture: str = "resnet18",
        pretrained: bool | str = False,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.network = libraries.smp().create_model(
            architecture, encoder_architecture, encoder_weights=None, in_channels=channels, classes=num_classes
        )
        encoder = self.network.encoder
        if pretrained:
            file = libraries.smp_weights(encoder_architecture, pretrained)
            encoder.load_state_dict(_weights(file))
        # Its name in the library: a head on the encoder's last features, whose output comes second.
        self.network.classification_head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), _critic(encoder.out_channels[-1])
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        logits, scores = self.network(image)
        return logits, scores


class SmallModel(nn.Module):
    """A network of 25,000 weights and a critic, for small images; it keeps no statistics over a batch."""

    def __init__(self, num_classes: int, pretrained: bool = False, channels: int = 3) -> None:
        super().__init__()
        if pretrained:
            raise FieldError("classification_model.pretrained: there are no weights of SmallModel; set it to false")
        layers: list[nn.Module] = []
        for before, after in ((channels, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(8, after), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.task = nn.Linear(256, num_classes)
        self.critic = _critic(256)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(image)
        return self.task(features), self.critic(features)


def _critic(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))


def _weights(file: str) -> dict[str, Tensor]:
    if file.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(file)
    loaded: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return loaded
