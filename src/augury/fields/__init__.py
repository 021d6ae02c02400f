"""What can vary: typed fields, declared once per transform and read by everything else.

A field knows its default, bounds, unit and aliases. From it come the constructor and its checks, the JSON
schema, the tables in the docs, the inputs of property tests and the forms of the explorer.

Fields are written `angle_range: Limits = Limits(default=(-90, 90), unit="degree")`. On an instance the
name holds the plain converted value; to a type checker a field is a descriptor that accepts `In`, gives `Out`.
"""

from augury.fields.choices import BORDERS, INTERPOLATIONS, Border, Flag, Interpolation, Name, Option, Words
from augury.fields.field import REQUIRED, Common, Field, Varying, frozen, number, plain
from augury.fields.images import Axes, Color, Fill, Lengths, Region, Sides, Size
from augury.fields.nested import Keyed, Listed, Maybe, Plain
from augury.fields.numbers import Fractions, Integer, IntLimits, Limits, Number, Numbers, OddLimits, Probability, odd
from augury.fields.volumes import AxisPairs, ByAxis, VolumeAxes, Voxels

__all__ = [
    "REQUIRED", "Common", "Field", "Varying", "frozen", "number", "plain",
    "Fractions", "IntLimits", "Integer", "Limits", "Number", "Numbers", "OddLimits", "Probability", "odd",
    "BORDERS", "INTERPOLATIONS", "Border", "Flag", "Interpolation", "Name", "Option", "Words",
    "Keyed", "Listed", "Maybe", "Plain",
    "Axes", "Color", "Fill", "Lengths", "Region", "Sides", "Size",
    "AxisPairs", "ByAxis", "VolumeAxes", "Voxels",
]  # fmt: skip
