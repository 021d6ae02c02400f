"""What the fields of ops are made of."""

from typing import Literal, TypeAlias

Fill: TypeAlias = float | tuple[float, ...]
HoleFill: TypeAlias = float | tuple[float, ...] | str
Coefficients: TypeAlias = tuple[float, ...]
D4Element: TypeAlias = Literal["e", "r90", "r180", "r270", "v", "hvt", "h", "t"]
