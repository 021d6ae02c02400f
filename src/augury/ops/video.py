"""Ops on a whole stack of frames."""

from typing import NamedTuple


class TakeFrames(NamedTuple):
    """Keep `number` evenly spaced frames of images and masks, the first and last among them; frames repeat if there
    are fewer.
    """

    number: int

    def indices(self, frames: int) -> list[int]:
        """Which of the frames are kept: numbers from 0 to frames - 1, evenly spaced, cut to integers."""
        last = max(self.number - 1, 1)
        return [i * (frames - 1) // last for i in range(self.number)]
