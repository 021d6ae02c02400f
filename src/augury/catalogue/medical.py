"""What scanners and stains do to medical images."""

from __future__ import annotations

from augury import ops
from augury.catalogue.color import is_rgb
from augury.errors import FieldError
from augury.fields import Flag, Fractions, IntLimits, Limits, Maybe, Numbers, Option, Probability, VolumeAxes
from augury.kernels.cpu.medical import PRESETS
from augury.maps.volume import pose
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Ops, Params, ScanTransform

__all__ = [
    "Anisotropy3D", "BiasField", "GhostingArtifact", "GibbsRinging", "HEStain", "KSpaceSpikeNoise", "MotionArtifact",
    "RicianNoise",
]  # fmt: skip


class RicianNoise(ImageTransform):
    """Noise of magnitude images of magnetic resonance: sqrt((value + n)^2 + m^2), n and m Gaussian.

    std_range: standard deviation of both, as a fraction of full range. per_channel: every channel has its own noise.
    Source: Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", 1995.
    """

    std_range: Fractions = Fractions(default=(0.05, 0.15), draws="std")
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
    scale_range: Fractions = Fractions(default=(0.025, 0.025), open_low=True, draws="scale")
    per_channel: Flag = Flag(default=False, keep=True)
    draws_key = True
    lowers_to = ops.BiasField, "key", "std", "scale", "per_channel"


class GibbsRinging(ImageTransform):
    """Ripples beside edges, as from a scan that measured the low frequencies only.

    retained_fraction_range: how much of the spectrum's width and height is kept, in (0, 1].
    Source: Gallagher et al., "An introduction to the Fourier transform: relationship to MRI", 2008.
    """

    retained_fraction_range: Fractions = Fractions(default=(0.5, 0.9), open_low=True, draws="retained_fraction")
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
    def lower(cls, params: Params, sig: Signature) -> Ops:
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
    def lower(cls, params: Params, sig: Signature) -> Ops:
        if not is_rgb(sig, "HEStain"):
            return ()
        method = params["method"] if not params["stain_matrix"] else "macenko"
        stains, scale, shift = params["stain_matrix"], params["scale"], params["shift"]
        return (ops.Stain(stains, scale, shift, params["augment_background"], params["residual_mode"], method),)


# ---- whole volumes; other targets stay. Axes 0, 1, 2 are z, y, x -----------------------------------------


class Anisotropy3D(ScanTransform):
    """Coarser voxels along some axes, as from thick slices: shrink and enlarge back linearly.

    axes, num_axes_range: how many of these axes are drawn. downscale_factor_range: how much coarser, each axis its own
    factor. antialias: a coarse voxel shows the mean of what it covers, not only its middle.
    Source: Billot et al., "Partial volume segmentation of brain MRI scans of any resolution and contrast", 2020.
    """

    axes: VolumeAxes = VolumeAxes(default=(0, 1, 2))
    num_axes_range: IntLimits = IntLimits(default=(1, 1), low=1, high=3, scalar="fixed")
    downscale_factor_range: Limits = Limits(default=(1.5, 4.0), low=1, high=1e6, scalar="fixed")
    antialias: Flag = Flag(default=True, keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        count = min(stream.integer(*self.num_axes_range), len(self.axes))
        some = tuple(self.axes[i] for i in stream.permutation(len(self.axes))[:count])
        return {"axes": some, "factors": tuple(stream.uniform(*self.downscale_factor_range) for _ in some)}

    @classmethod
    def scan(cls, params: Params, sig: Signature) -> Op:
        return ops.Anisotropy(params["axes"], params["factors"], params["antialias"])


class GhostingArtifact(ScanTransform):
    """Faint copies along an axis, as from breathing: every n-th line of the spectrum is weakened.

    num_ghosts_range: n, which is how many copies there are. intensity_range: the weakened lines keep 1 - intensity.
    axis: of the phase encoding. restore_range: fraction of the spectrum about its centre that stays, at least one line.
    Source: Perez-Garcia et al., "TorchIO: a Python library for ... medical images in deep learning", 2021.
    """

    num_ghosts_range: IntLimits = IntLimits(default=(2, 4), low=1, high=1000, scalar="fixed", draws="num_ghosts")
    intensity_range: Limits = Limits(default=(0.1, 0.5), low=0, high=1, scalar="fixed", draws="intensity")
    axis: Option = Option(default=2, options=(0, 1, 2), keep=True)
    restore_range: Limits = Limits(default=(0.02, 0.08), low=0, high=1, scalar="fixed", draws="restore")

    @classmethod
    def scan(cls, params: Params, sig: Signature) -> Op:
        return ops.Ghosts(params["axis"], params["num_ghosts"], params["intensity"], params["restore"])


class MotionArtifact(ScanTransform):
    """Smears and echoes of a patient who moved: pieces of the spectrum come from moved copies of the volume.

    num_events_range: how often the patient moved. rotate_range: degrees about each axis, and translate_percent_range:
    fractions of each side, by which a copy is moved. The piece with the centre of the spectrum is of the volume itself,
    so that masks and keypoints stay true. axis: along which lines are measured one after another.
    Source: Shaw et al., "MRI k-space motion artefact augmentation", 2019.
    """

    num_events_range: IntLimits = IntLimits(default=(2, 2), low=1, high=64, scalar="fixed")
    rotate_range: Limits = Limits(default=(-5.0, 5.0), unit="degree")
    translate_percent_range: Limits = Limits(default=(-0.02, 0.02), unit="fraction")
    axis: Option = Option(default=2, options=(0, 1, 2), keep=True)
    interpolation: Option = Option(default=1, options=(0, 1), keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        events = range(stream.integer(*self.num_events_range))
        return {
            "times": tuple(sorted(stream.random() for _ in events)),
            "rotate": tuple(tuple(stream.uniform(*self.rotate_range) for _ in "xyz") for _ in events),
            "translate": tuple(tuple(stream.uniform(*self.translate_percent_range) for _ in "xyz") for _ in events),
        }

    @classmethod
    def scan(cls, params: Params, sig: Signature) -> Op:
        moves = zip(params["rotate"], params["translate"], strict=True)
        matrices = tuple(pose((1.0, 1.0, 1.0), rotate, translate, sig.sides) for rotate, translate in moves)
        return ops.Motion(params["axis"], params["times"], matrices, params["interpolation"])
