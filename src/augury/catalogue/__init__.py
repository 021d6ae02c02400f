"""The transforms, one file per family."""

from augury.catalogue.affine import Affine, Perspective, ShiftScaleRotate
from augury.catalogue.blur import Blur, Defocus, Emboss, GaussianBlur, MedianBlur, MotionBlur, Sharpen
from augury.catalogue.codec import Downscale, ImageCompression
from augury.catalogue.color import ChannelShuffle, ColorJitter, FancyPCA, HueSaturationValue, RGBShift, ToGray, ToSepia
from augury.catalogue.convert import FromFloat, Normalize, ToFloat, ToTensorV2
from augury.catalogue.crop import (
    BBoxSafeRandomCrop,
    CenterCrop,
    Crop,
    CropAndPad,
    CropNonEmptyMaskIfExists,
    RandomCrop,
    RandomCropFromBorders,
    RandomCropNearBBox,
    RandomResizedCrop,
    RandomSizedBBoxSafeCrop,
    RandomSizedCrop,
)
from augury.catalogue.distortion import ElasticTransform, GridDistortion, OpticalDistortion
from augury.catalogue.dropout import ChannelDropout, CoarseDropout, Erasing, GridDropout, PixelDropout
from augury.catalogue.flip import D4, HorizontalFlip, RandomRotate90, Transpose, VerticalFlip
from augury.catalogue.noise import GaussNoise, ISONoise, MultiplicativeNoise, SaltAndPepper, ShotNoise
from augury.catalogue.pad import Pad, PadIfNeeded
from augury.catalogue.resize import LetterBox, LongestMaxSize, RandomScale, Resize, SmallestMaxSize
from augury.catalogue.rotate import Rotate, SafeRotate
from augury.catalogue.tone import (
    CLAHE,
    AutoContrast,
    Equalize,
    InvertImg,
    Posterize,
    RandomBrightnessContrast,
    RandomGamma,
    RandomToneCurve,
    Solarize,
)
from augury.transform import NoOp

__all__ = [
    "Affine",
    "AutoContrast",
    "BBoxSafeRandomCrop",
    "Blur",
    "CenterCrop",
    "ChannelDropout",
    "ChannelShuffle",
    "CLAHE",
    "CoarseDropout",
    "ColorJitter",
    "Crop",
    "CropAndPad",
    "CropNonEmptyMaskIfExists",
    "D4",
    "Defocus",
    "Downscale",
    "ElasticTransform",
    "Emboss",
    "Equalize",
    "Erasing",
    "FancyPCA",
    "FromFloat",
    "GaussianBlur",
    "GaussNoise",
    "GridDistortion",
    "GridDropout",
    "HorizontalFlip",
    "HueSaturationValue",
    "ImageCompression",
    "InvertImg",
    "ISONoise",
    "LetterBox",
    "LongestMaxSize",
    "MedianBlur",
    "MotionBlur",
    "MultiplicativeNoise",
    "NoOp",
    "Normalize",
    "OpticalDistortion",
    "Pad",
    "PadIfNeeded",
    "Perspective",
    "PixelDropout",
    "Posterize",
    "RandomBrightnessContrast",
    "RandomCrop",
    "RandomCropFromBorders",
    "RandomCropNearBBox",
    "RandomGamma",
    "RandomResizedCrop",
    "RandomRotate90",
    "RandomScale",
    "RandomSizedBBoxSafeCrop",
    "RandomSizedCrop",
    "RandomToneCurve",
    "Resize",
    "RGBShift",
    "Rotate",
    "SafeRotate",
    "SaltAndPepper",
    "Sharpen",
    "ShiftScaleRotate",
    "ShotNoise",
    "SmallestMaxSize",
    "Solarize",
    "ToFloat",
    "ToGray",
    "ToSepia",
    "ToTensorV2",
    "Transpose",
    "VerticalFlip",
]
