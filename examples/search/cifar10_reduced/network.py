"""A residual network of 78,000 weights for images of 32 x 32: a minute of training on one core is enough to compare."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SmallResNet(nn.Module):
    """Three residual blocks at 16, 8 and 4 pixels; from images (B, 3, 32, 32) to (logits, critic scores)."""

    def __init__(self, num_classes: int, widths: tuple[int, ...] = (16, 32, 64)) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        before = (widths[0], *widths)
        self.blocks = nn.Sequential(
            *(Block(a, b, stride=1 if i == 0 else 2) for i, (a, b) in enumerate(zip(before, widths, strict=False)))
        )
        self.task = nn.Linear(widths[-1], num_classes)
        self.critic = nn.Sequential(nn.Linear(widths[-1], widths[-1]), nn.ReLU(), nn.Linear(widths[-1], 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.blocks(self.stem(image)).mean((2, 3))
        return self.task(features), self.critic(features)


class Block(nn.Module):
    """Two convolutions beside a shortcut. Source: He, Zhang, Ren and Sun 2016, Deep Residual Learning."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
        self.shortcut = (
            nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
            if stride > 1 or before != after
            else nn.Identity()
        )

    def forward(self, image: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(image)) + self.shortcut(image))
