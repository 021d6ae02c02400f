"""Image augmentation that you can reproduce, replay, question and learn: `import augury as A`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from augury.catalogue import *  # noqa: F403
from augury.catalogue import __all__ as _catalogue
from augury.compose import Compose
from augury.custom import DualTransform, ImageOnlyTransform, Lambda
from augury.doctor import doctor
from augury.errors import AuguryError, FieldError, InverseError, RecordError, SampleError, StepError
from augury.groups import OneOf, OneOrOther, RandomOrder, SelectiveChannelTransform, Sequential, SomeOf
from augury.policies import AugMix, AutoAugment, RandAugment, Sharpness, TrivialAugment
from augury.program import Program
from augury.replay import ReplayCompose, replay
from augury.targets.boxes import BboxParams
from augury.targets.keypoints import KeypointParams
from augury.transform import Transform
from augury.until import Until, boxes_left, mask_left
from augury.varying import choice, cosine, linear, schedule, steps

if TYPE_CHECKING:
    from augury import inspect as _inspect
    from augury.doctor.probe import probe
    from augury.explorer import explore
    from augury.ledger import Ledger
    from augury.ledger.batch import replay_rows
    from augury.saving import convert, from_dict, load, save, to_dict

    inverse, show, trace, verify = _inspect.inverse, _inspect.show, _inspect.trace, _inspect.verify

__version__ = "0.1.0"

# Loaded when first used, so that importing augury stays as cheap as importing NumPy and OpenCV.
_LATER = {
    "Ledger": "augury.ledger",
    "explore": "augury.explorer",
    "inverse": "augury.inspect",
    "show": "augury.inspect",
    "trace": "augury.inspect",
    "verify": "augury.inspect",
    "convert": "augury.saving",
    "from_dict": "augury.saving",
    "load": "augury.saving",
    "probe": "augury.doctor.probe",
    "replay_rows": "augury.ledger.batch",
    "save": "augury.saving",
    "to_dict": "augury.saving",
}

__all__ = [  # noqa: PLE0604
    *_catalogue,
    *_LATER,
    "AugMix", "AuguryError", "AutoAugment", "BboxParams", "Compose", "DualTransform", "FieldError",
    "ImageOnlyTransform", "InverseError", "KeypointParams", "Lambda", "OneOf", "OneOrOther", "Program", "RandAugment",
    "RandomOrder", "RecordError", "ReplayCompose", "SampleError", "SelectiveChannelTransform", "Sequential",
    "Sharpness", "SomeOf", "StepError", "Transform", "TrivialAugment", "Until", "boxes_left", "choice", "cosine",
    "doctor", "linear", "mask_left", "replay", "schedule", "steps",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'augury' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
