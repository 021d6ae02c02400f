"""The public names: a change here is a change for users."""

from __future__ import annotations

import inspect
import pickle

import pytest

import augury as A
from augury.transform import Transform

TRANSFORMS = """
HorizontalFlip VerticalFlip Transpose D4 RandomRotate90 Rotate SafeRotate Affine ShiftScaleRotate Perspective
ElasticTransform GridDistortion OpticalDistortion Resize LongestMaxSize SmallestMaxSize RandomScale LetterBox Pad
PadIfNeeded Crop CenterCrop RandomCrop RandomSizedCrop RandomResizedCrop CropAndPad RandomCropFromBorders
RandomCropNearBBox BBoxSafeRandomCrop RandomSizedBBoxSafeCrop CropNonEmptyMaskIfExists CoarseDropout Erasing
GridDropout ChannelDropout PixelDropout Blur GaussianBlur MedianBlur MotionBlur Defocus GaussNoise ISONoise
MultiplicativeNoise SaltAndPepper ShotNoise RandomBrightnessContrast RandomGamma HueSaturationValue RGBShift
ColorJitter CLAHE Equalize AutoContrast Posterize Solarize InvertImg ToGray ToSepia ChannelShuffle RandomToneCurve
FancyPCA ImageCompression Downscale Sharpen Emboss Normalize ToFloat FromFloat ToTensorV2 NoOp
RandomRain RandomSnow RandomFog AtmosphericFog Spatter RandomGravel RandomShadow RandomSunFlare LensFlare Vignetting
Illumination PlasmaBrightnessContrast PlasmaShadow ChromaticAberration FilmGrain Halftone Dithering
AdvancedBlur Enhance GlassBlur ModeFilter RingingOvershoot UnsharpMask ZoomBlur ChannelSwap Colorize
ExposureMatching PhotoMetricDistort PlanckianJitter ToRGB AtLeastOneBBoxRandomCrop BBoxSubsetSafeRandomCrop
ConstrainedCoarseDropout FrequencyMasking GridMask GuidedCoarseDropout MaskDropout TimeMasking XYMasking
SquareSymmetry TimeReverse AnnotationArtifacts BiasField GibbsRinging HEStain KSpaceSpikeNoise RicianNoise
Sharpness AugMix AdditiveNoise StochasticConvolution Morphological PixelSpread RandomGridShuffle Superpixels
UniformTemporalSubsample
""".split()
OWN = "Lambda ImageOnlyTransform DualTransform Transform".split()
GROUPS = "Compose ReplayCompose Sequential OneOf OneOrOther SomeOf RandomOrder SelectiveChannelTransform Until".split()
PARAMETERS = "BboxParams KeypointParams".split()
ERRORS = "AuguryError FieldError SampleError RecordError InverseError StepError".split()
FUNCTIONS = """
doctor explore probe replay replay_rows trace show inverse verify save
load to_dict from_dict convert
schedule linear cosine steps choice boxes_left mask_left
TrivialAugment RandAugment AutoAugment
""".split()
VALUES = "Program Ledger".split()
EVERY = [*TRANSFORMS, *OWN, *GROUPS, *PARAMETERS, *ERRORS, *FUNCTIONS, *VALUES]


def test_public_names() -> None:
    assert sorted(A.__all__) == sorted(EVERY)
    assert len(set(A.__all__)) == len(A.__all__)
    assert dir(A) == sorted(A.__all__)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "Ledger"])
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(A, name)
    assert value.__name__ == name
    assert (inspect.getdoc(value) or "").strip()
    assert value.__doc__, f"{name} has no docstring of its own"


def test_the_ledger() -> None:
    pytest.importorskip("duckdb")
    assert A.Ledger.__name__ == "Ledger"


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="module 'augury' has no attribute 'Rotat'"):
        A.Rotat


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_have_a_p_and_lower(name: str) -> None:
    cls = getattr(A, name)
    assert issubclass(cls, Transform)
    assert "p" in cls.fields
    assert cls.lower.__func__ is not Transform.lower.__func__


@pytest.mark.parametrize("name", ERRORS[1:])
def test_errors_share_a_base_and_survive_pickling(name: str) -> None:
    kind = getattr(A, name)
    assert issubclass(kind, A.AuguryError)
    assert issubclass(kind, RuntimeError if name == "StepError" else ValueError)
    assert str(pickle.loads(pickle.dumps(kind("what")))) == "what"


def test_a_step_error_keeps_its_record_when_pickled() -> None:
    error = pickle.loads(pickle.dumps(A.StepError("what", {"format": 1})))
    assert error.record == {"format": 1}
