"""Text written on images."""

from __future__ import annotations

from collections.abc import Sequence

from augury import ops
from augury.fields import Flag, Limits, Plain
from augury.kernels.cpu import text
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = ["TextImage"]


class TextImage(ImageTransform):
    """Write text into places of the image; needs Pillow (augury[text]).

    metadata_key: a dict, or a list of them, with text and bbox (x_min, y_min, x_max, y_max in fractions of the size).
    font_path: of a TrueType or OpenType font; a replay needs the same file. fraction_range: of the places to use.
    augmentations: one is drawn per text: None, "swap" two words, "deletion" of one, "insertion" of one of stopwords.
    font_size_fraction_range: of the place's height. font_color: a name, numbers in the image's range, or a list to draw
    from. clear_bg: what is there is painted over from its surroundings first.
    """

    needs = "labels"
    font_path: Plain = Plain(check=text.name_of, shape={"type": "string"}, keep=True)
    stopwords: Plain = Plain(
        default=("the", "is", "in", "at", "of"), check=text.words_of, shape={"type": "array"}, examples=(["a"],)
    )
    augmentations: Plain = Plain(
        default=(None,), check=text.edits_of, shape={"type": "array"}, examples=(["swap", "deletion", "insertion"],)
    )
    fraction_range: Limits = Limits(default=(1, 1), low=0, high=1, scalar="fixed")
    font_size_fraction_range: Limits = Limits(default=(0.8, 0.9), low=0, scalar="fixed", open_low=True)
    font_color: Plain = Plain(default=(0, 0, 0), check=text.colors_of, shape={}, examples=("red", ["navy", (9, 8, 7)]))
    clear_bg: Flag = Flag(default=False, keep=True)
    metadata_key: Plain = Plain(
        default="textimage_metadata", check=text.name_of, shape={"type": "string"}, examples=("words",)
    )

    @property
    def asks_for(self) -> Sequence[str]:
        return (self.metadata_key,)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        extras = sig.labels.extras if sig.labels is not None else {}
        places = text.places(extras.get(self.metadata_key), self.metadata_key, sig)
        count = round(stream.uniform(*self.fraction_range) * len(places))
        color = self.font_color
        several = not isinstance(color, str) and not all(isinstance(one, (int, float)) for one in color)
        texts = []
        for i in sorted(stream.permutation(len(places))[:count]):
            box, words = places[i]
            edit = self.augmentations[stream.integer(0, len(self.augmentations) - 1)]
            size = max(int((box[3] - box[1]) * stream.uniform(*self.font_size_fraction_range)), 1)
            one = text.color_of(color[stream.integer(0, len(color) - 1)] if several else color, sig.max_value)
            if len(one) not in (1, sig.channels):
                one = (sum(one) / len(one),)
            texts.append((*box, size, one, text.reworded(words, edit, self.stopwords, stream)))
        return {"texts": tuple(texts), "font": text.font_digest(self.font_path)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        font = params["font_path"], params["font"]
        height, width = sig.shape[:2]
        boxes = [tuple(written[:4]) for written in params["texts"]] if params["clear_bg"] else ()
        windows = tuple(text.clearing(box, height, width) for box in boxes)
        drawn = [text.patch(*font, sig.shape, sig.dtype, *written) for written in params["texts"]]
        patches = tuple(patch for patch in drawn if patch is not None)
        clear = (ops.OnWindows(windows),) if windows else ()
        return (*clear, ops.Paste(height, width, patches)) if patches else clear
