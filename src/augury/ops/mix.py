"""Pixels and labels of donors: laid beside or over the sample, or what its values are brought towards.

These hold arrays, which a step finds by the references in its record.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from augury.ops.values import Fill


class Tile(NamedTuple):
    """An item, or the sample itself (None), after ops of geometry, with its upper left corner at (x, y) pixels."""

    item: Mapping[str, Any] | None
    moves: tuple[Any, ...]
    x: int
    y: int


class Collage(NamedTuple):
    """A new canvas of height x width with tiles that do not overlap; labels of all tiles are kept within them.

    Of tiles of the sample itself the first is the sample, the others are added as donors are. target, role: what it
    runs on.
    """

    height: int
    width: int
    tiles: tuple[Tile, ...]
    fill: Fill = 0
    fill_mask: Fill = 0
    target: str = "image"
    role: str = "image"

    @property
    def on_masks(self) -> bool:
        return True

    @property
    def adds(self) -> bool:
        """Whether it brings labels or instance masks."""
        return True

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width


class Patch(NamedTuple):
    """Pixels (h, w, C) with their upper left corner at (x, y), inside the image.

    alpha: (h, w) float32 opacity, None for 1. cover: (h, w) bool, where it hides what lies below, None for all over.
    mask: (h, w) values for the mask where it covers, or one; None leaves the mask. item, moves: whose labels it brings.
    """

    x: int
    y: int
    image: Any
    alpha: Any = None
    cover: Any = None
    mask: Any = None
    item: Mapping[str, Any] | None = None
    moves: tuple[Any, ...] = ()


class Paste(NamedTuple):
    """Lay patches over the image, one after another, and their values over the mask.

    hides: labels of what less than min_visible of is left go, instance masks lose what is covered, and patches bring
    their own labels and masks. height, width: of the image. target, role: what it runs on.
    """

    height: int
    width: int
    patches: tuple[Patch, ...]
    on_masks: bool = False
    hides: bool = False
    min_visible: float = 0.0
    target: str = "image"
    role: str = "image"

    @property
    def adds(self) -> bool:
        """Whether it brings labels or instance masks."""
        return self.hides

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width


class SwapAmplitudes(NamedTuple):
    """Amplitudes of another image at frequencies up to beta times the shorter side; phases stay."""

    reference: Any
    beta: float


class MatchHistogram(NamedTuple):
    """Bring each channel to the histogram of another image; `blend` of the way."""

    reference: Any
    blend: float


class MatchPixels(NamedTuple):
    """Bring pixels, as points of colour space, to the mean and axes ("pca"), mean and deviation ("standard") or range
    ("minmax") of another image's; `blend` of the way.
    """

    reference: Any
    method: str
    blend: float


Mix: TypeAlias = Collage | Paste
Towards: TypeAlias = SwapAmplitudes | MatchHistogram | MatchPixels
