"""Changes of the values of labels and of pixel labels; images stay."""

from typing import Any, NamedTuple, TypeAlias

# (old, new) values, all swapped at once.
Pairs: TypeAlias = tuple[tuple[Any, Any], ...]


class Recode(NamedTuple):
    """Replace values of a mask, all at once."""

    pairs: Pairs


class Relabel(NamedTuple):
    """Replace the values of keypoints' label fields and of masks; "" stands for every mask not named."""

    fields: tuple[tuple[str, Pairs], ...] = ()
    masks: tuple[tuple[str, Pairs], ...] = ()

    def on(self, name: str) -> Recode:
        """What happens to the mask target `name`."""
        masks = dict(self.masks)
        return Recode(masks.get(name, masks.get("", ())))


Naming: TypeAlias = Recode | Relabel
