"""The transforms, one file per family; each file lists its own in `__all__`."""

from augury.catalogue import (
    affine,
    blur,
    codec,
    color,
    convert,
    crop,
    distortion,
    dropout,
    film,
    flip,
    light,
    marks,
    medical,
    noise,
    pad,
    rearrange,
    resize,
    rotate,
    tone,
    video,
    weather,
)
from augury.catalogue.affine import *
from augury.catalogue.blur import *
from augury.catalogue.codec import *
from augury.catalogue.color import *
from augury.catalogue.convert import *
from augury.catalogue.crop import *
from augury.catalogue.distortion import *
from augury.catalogue.dropout import *
from augury.catalogue.film import *
from augury.catalogue.flip import *
from augury.catalogue.light import *
from augury.catalogue.marks import *
from augury.catalogue.medical import *
from augury.catalogue.noise import *
from augury.catalogue.pad import *
from augury.catalogue.rearrange import *
from augury.catalogue.resize import *
from augury.catalogue.rotate import *
from augury.catalogue.tone import *
from augury.catalogue.video import *
from augury.catalogue.weather import *
from augury.transform import NoOp

__all__ = [
    *affine.__all__,
    *blur.__all__,
    *codec.__all__,
    *color.__all__,
    *convert.__all__,
    *crop.__all__,
    *distortion.__all__,
    *dropout.__all__,
    *film.__all__,
    *flip.__all__,
    *light.__all__,
    *marks.__all__,
    *medical.__all__,
    *noise.__all__,
    *pad.__all__,
    *rearrange.__all__,
    *resize.__all__,
    *rotate.__all__,
    *tone.__all__,
    *video.__all__,
    *weather.__all__,
    "NoOp",
]
