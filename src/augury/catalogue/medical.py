"""What scanners and stains do to medical images."""

from __future__ import annotations

from collections.abc import Sequence

from augury import ops
from augury.catalogue.color import is_rgb
from augury.errors import FieldError
from augury.fields import Flag, IntLimits, Limits, Maybe, Numbers, Option, Probability
from augury.kernels.cpu.medical import PRESETS
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = ["BiasField", "GibbsRinging", "HEStain", "KSpaceSpikeNoise", "RicianNoise"]


class RicianNoise(ImageTransform):
    """Noise of magnitude images of magnetic resonance: sqrt((value + n)^2 + m^2), n and m Gaussian.

    std_range: standard deviation of both, as a fraction of full range. per_channel: every channel has its own noise.
    Source: Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", 1995.
    """

    std_range: Limits = Limits(default=(0.05, 0.15), low=0, high=1, scalar="fixed", draws="std")
    per_channel: Flag = Flag(default=False, keep=True)
    draws_key = True
    lowers_to = ops.RicianNoise, "key", "std", "per_channel"


class BiasField(ImageTransform):
    """The uneven gain of a receiver coil: multiply by the exponential of a smooth random field.

    std_range: standard deviation of the field. scale_range: size of the grid it is drawn on, as a fraction of the
    image's; the smaller, the smoother. per_channel: every channel has its own field.
    Source: Billot et al., "SynthSeg: segmentation of brain MRI scans of any contrast and resolution", 2023.
    """

    std_range: Limits = Limits(default=(0.0, 0.5), low=0, high=10, scalar=0, draws="std")
    scale_range: Limits = Limits(default=(0.025, 0.025), low=0, high=1, open_low=True, scalar="fixed", draws="scale")
    per_channel: Flag = Flag(default=False, keep=True)
    draws_key = True
    lowers_to = ops.BiasField, "key", "std", "scale", "per_channel"


class GibbsRinging(ImageTransform):
    """Ripples beside edges, as from a scan that measured the low frequencies only.

    retained_fraction_range: how much of the spectrum's width and height is kept, in (0, 1].
    Source: Gallagher et al., "An introduction to the Fourier transform: relationship to MRI", 2008.
    """

    retained_fraction_range: Limits = Limits(
        default=(0.5, 0.9), low=0, high=1, open_low=True, scalar="fixed", draws="retained_fraction"
    )
    lowers_to = ops.TruncateSpectrum, "retained_fraction"


class KSpaceSpikeNoise(ImageTransform):
    """Stripes all over the image, as from single spikes in the measured spectrum ("herringbone").

    num_spikes_range: how many spikes. intensity_range: their heights, as fractions of the highest value of the
    spectrum. per_channel: every channel has its own spikes.
    Source: Perez-Garcia et al., "TorchIO: a Python library for ... medical images in deep learning", 2021.
    """

    num_spikes_range: IntLimits = IntLimits(default=(1, 5), low=0, high=1000, scalar="fixed", draws="num_spikes")
    intensity_range: Limits = Limits(default=(0.1, 0.5), low=0, scalar="fixed", keep=True)
    per_channel: Flag = Flag(default=False, keep=True)
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        low, high = params["intensity_range"]
        return (ops.Spikes(params["key"], params["num_spikes"], low, high, params["per_channel"]),)


class HEStain(ImageTransform):
    """Other strengths of hematoxylin and eosin in a stained section; gray images stay as they are.

    method: where the stains' colours come from: "preset", "random_preset", "custom" (stain_matrix, two rows of RGB
    densities), or the image itself by "macenko" or "vahadane". preset: name for "preset", None means "standard".
    intensity_scale_range, intensity_shift_range: factor of, and number added to, each stain's density.
    augment_background: also change pixels that hold hardly any stain. residual_mode: what the stains do not explain is
    dropped ("project"), kept ("preserve") or changed like a third stain ("augment").
    Source: Tellez et al., "Whole-slide mitosis detection in H&E breast histology", 2018.
    """

    method: Option = Option(
        default="random_preset", options=("random_preset", "preset", "macenko", "vahadane", "custom"), keep=True
    )
    preset: Maybe = Maybe(Option(options=tuple(PRESETS)), default=None)
    intensity_scale_range: Limits = Limits(default=(0.7, 1.3), low=0, scalar="fixed")
    intensity_shift_range: Limits = Limits(default=(-0.2, 0.2), low=-1, high=1)
    augment_background: Flag = Flag(default=False, keep=True)
    p: Probability = Probability(default=0.5, kw_only=True)
    residual_mode: Option = Option(default="project", options=("project", "preserve", "augment"), keep=True)
    stain_matrix: Maybe = Maybe(Numbers(sides=(2, 3), examples=(((0.65, 0.7, 0.29), (0.1, 1, 0.1)),)), default=None)

    def check(self) -> None:
        if self.method == "custom" and self.stain_matrix is None:
            raise FieldError("HEStain.stain_matrix: got None; method='custom' needs it, pass two rows of three numbers")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        preset = self.preset or "standard"
        if self.method == "random_preset":
            preset = tuple(PRESETS)[stream.integer(0, len(PRESETS) - 1)]
        scale, shift = self.intensity_scale_range, self.intensity_shift_range
        stains = self.stain_matrix if self.method == "custom" else PRESETS[preset]
        return {
            "stain_matrix": () if self.method in ("macenko", "vahadane") else stains,
            "scale": (stream.uniform(*scale), stream.uniform(*scale), stream.uniform(*scale)),
            "shift": (stream.uniform(*shift), stream.uniform(*shift), stream.uniform(*shift)),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if not is_rgb(sig, "HEStain"):
            return ()
        method = params["method"] if not params["stain_matrix"] else "macenko"
        return (
            ops.Stain(
                tuple(tuple(row) for row in params["stain_matrix"]), tuple(params["scale"]), tuple(params["shift"]),
                params["augment_background"], params["residual_mode"], method,
            ),
        )  # fmt: skip
