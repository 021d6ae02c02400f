"""Fields that say for every output pixel where in the source it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from augury.errors import InverseError
from augury.maps.matrix import Floats

Maps: TypeAlias = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """For every output pixel, the source index coordinates that it shows: map_x, map_y are (H, W) float32."""

    map_x: npt.NDArray[np.float32]
    map_y: npt.NDArray[np.float32]

    def points(self, xy: Floats) -> Floats:
        """(N, 2) source points to the output; beyond its borders the field goes on linearly.

        Exact where the field is smooth and one-to-one; where it folds, one of the places that show the point. A point
        that is shown nowhere lands a pixel outside the frame, by the place of the frame that shows what is nearest.
        """
        return self._solve(xy)[0]

    def jacobian(self, xy: Floats) -> Floats:
        """(N, 2, 2) derivatives of the output by the source at (N, 2) source points; 0 where the field is flat."""
        return self.points_and_jacobian(xy)[1]

    def points_and_jacobian(self, xy: Floats) -> tuple[Floats, Floats]:
        """`points` and `jacobian` for the price of one."""
        output, forward = self._solve(xy)
        back = _adjugate(forward)
        det = forward[:, 0, 0] * forward[:, 1, 1] - forward[:, 0, 1] * forward[:, 1, 0]
        flat = np.abs(det) < 1e-12
        back /= np.where(flat, np.inf, det)[:, None, None]
        return output, back

    def sources(self, xy: Floats) -> Floats:
        """Where output points (N, 2) came from."""
        return self._sample(xy)[0]

    def folds(self) -> bool:
        """Whether the area of some square of neighbouring pixels, seen in the source, is turned over or nil."""
        (x_across, x_down), (y_across, y_down) = (
            (np.diff(field, axis=1)[:-1], np.diff(field, axis=0)[:, :-1]) for field in (self.map_x, self.map_y)
        )
        return bool((x_across * y_down <= x_down * y_across).any())

    def inverse(self) -> Dense:
        """The field that undoes this one, found at pixel centres."""
        height, width = self.map_x.shape
        xy = np.empty((height, width, 2))
        xy[..., 0] = np.arange(width) + 0.5
        xy[..., 1] = np.arange(height)[:, None] + 0.5
        back = (self.points(xy.reshape(-1, 2)) - 0.5).astype(np.float32).reshape(height, width, 2)
        return Dense(np.ascontiguousarray(back[..., 0]), np.ascontiguousarray(back[..., 1]))

    def _solve(self, xy: Floats) -> tuple[Floats, Floats]:
        """Newton's method for field(output) = xy, restarted from the best pixel of a coarse search where it stalls."""
        at = np.array(xy, np.float64)
        if not len(at):
            return at, np.empty((0, 2, 2))
        self._newton(at, xy)
        seen, jacobian = self._sample(at)
        lost = np.flatnonzero(np.abs(seen - xy).max(axis=1) > 5e-3)
        if len(lost):
            self._restart(at, xy, lost, np.abs(seen - xy).max(axis=1)[lost])
            seen, jacobian[lost] = self._sample(at[lost])
            self._expel(at, xy, lost[np.abs(seen - xy[lost]).max(axis=1) > 0.5])
        return at, jacobian

    def _newton(self, at: Floats, xy: Floats, steps: int = 12) -> None:
        """Improve `at` in place; a step is never longer than a quarter of the image."""
        reach = max(1.0, max(self.map_x.shape) / 4)
        todo = np.arange(len(at))
        for _ in range(steps):
            seen, jacobian = self._sample(at[todo])
            error = xy[todo] - seen
            moving = np.abs(error).max(axis=1) > 1e-4
            if not moving.all():
                todo, error, jacobian = todo[moving], error[moving], jacobian[moving]
                if not len(todo):
                    return
            det = jacobian[:, 0, 0] * jacobian[:, 1, 1] - jacobian[:, 0, 1] * jacobian[:, 1, 0]
            step = np.einsum("nij,nj->ni", _adjugate(jacobian), error) / np.where(np.abs(det) < 1e-6, 1.0, det)[:, None]
            at[todo] += np.clip(step, -reach, reach)

    def _restart(self, at: Floats, xy: Floats, lost: npt.NDArray[np.intp], before: Floats) -> None:
        """Search the field at up to 64 x 64 pixels for the nearest start; keep the new place where it is better."""
        height, width = self.map_x.shape
        rows = np.unique(np.linspace(0, height - 1, min(height, 64)).astype(int))
        columns = np.unique(np.linspace(0, width - 1, min(width, 64)).astype(int))
        grid_x = self.map_x[np.ix_(rows, columns)].ravel() + 0.5
        grid_y = self.map_y[np.ix_(rows, columns)].ravel() + 0.5
        for begin in range(0, len(lost), 256):
            part = lost[begin : begin + 256]
            far = (grid_x - xy[part, :1]) ** 2 + (grid_y - xy[part, 1:]) ** 2
            nearest = far.argmin(axis=1)
            start = np.stack([columns[nearest % len(columns)], rows[nearest // len(columns)]], axis=1) + 0.5
            self._newton(start, xy[part], steps=24)
            better = np.abs(self._sample(start)[0] - xy[part]).max(axis=1) < before[begin : begin + 256]
            at[part[better]] = start[better]

    def _expel(self, at: Floats, xy: Floats, lost: npt.NDArray[np.intp]) -> None:
        """Put points that no place shows a pixel outside the frame."""
        if not len(lost):
            return
        height, width = self.map_x.shape
        frame, shown = self.frame(64)
        outside = frame + np.where(frame <= 0, -1.0, 0.0) + np.where(frame >= (width, height), 1.0, 0.0)
        for begin in range(0, len(lost), 256):
            part = lost[begin : begin + 256]
            at[part] = outside[((shown - xy[part, None]) ** 2).sum(axis=2).argmin(axis=1)]

    def frame(self, most: int) -> tuple[Floats, Floats]:
        """(N, 2) points of the output's frame, a pixel apart or in `most` steps a side, and the points they show."""
        height, width = self.map_x.shape
        x, y = (np.linspace(0.0, size, min(size, most) + 1) for size in (width, height))
        sides = [np.stack(np.broadcast_arrays(*side), axis=1) for side in ((x, 0.0), (x, height), (0.0, y), (width, y))]
        points = np.concatenate(sides)
        return points, self._sample(points)[0]

    def _sample(self, at: Floats) -> tuple[Floats, Floats]:
        """The source point (N, 2) shown at output points (N, 2), bilinear, and its derivatives (N, 2, 2)."""
        height, width = self.map_x.shape
        index = at - 0.5
        column = np.clip(index[:, 0], 0, max(width - 2, 0)).astype(np.intp)
        row = np.clip(index[:, 1], 0, max(height - 2, 0)).astype(np.intp)
        right, below = (column + 1 if width > 1 else column), (row + 1 if height > 1 else row)
        u, v = index[:, 0] - column, index[:, 1] - row
        seen, jacobian = np.empty((len(at), 2)), np.empty((len(at), 2, 2))
        for axis, field in enumerate((self.map_x, self.map_y)):
            p, q = field[row, column].astype(np.float64), field[row, right].astype(np.float64)
            r, s = field[below, column].astype(np.float64), field[below, right].astype(np.float64)
            across, down, twist = q - p, r - p, p - q - r + s
            if axis == 0 and width == 1:
                across = np.ones_like(p)
            elif axis == 1 and height == 1:
                down = np.ones_like(p)
            jacobian[:, axis, 0] = across + twist * v
            jacobian[:, axis, 1] = down + twist * u
            seen[:, axis] = p + across * u + down * v + twist * u * v + 0.5
        return seen, jacobian


def _adjugate(matrices: Floats) -> Floats:
    """(N, 2, 2) adjugates: inverses times determinants."""
    out = np.empty_like(matrices)
    out[:, 0, 0], out[:, 1, 1] = matrices[:, 1, 1], matrices[:, 0, 0]
    out[:, 0, 1], out[:, 1, 0] = -matrices[:, 0, 1], -matrices[:, 1, 0]
    return out


@dataclass(frozen=True, slots=True, eq=False)
class Loose(Dense):
    """A field that shuffles pixels about the place where they were: labels stay, and nothing takes it back."""

    def points(self, xy: Floats) -> Floats:
        return np.array(xy, np.float64)

    def points_and_jacobian(self, xy: Floats) -> tuple[Floats, Floats]:
        return self.points(xy), np.broadcast_to(np.eye(2), (len(xy), 2, 2))

    def inverse(self) -> Dense:
        raise InverseError("pixels that were spread at random cannot be put back; drop the step")


def loose(field: Dense) -> Loose:
    """`field` as one that labels do not follow."""
    return Loose(field.map_x, field.map_y)


def placed(x: Any, y: Any) -> Maps:
    """Index coordinates (H, W) from displacements, float32."""
    return x + np.arange(x.shape[1], dtype=np.float32), y + np.arange(y.shape[0], dtype=np.float32)[:, None]


_last = threading.local()


def dense(
    build: Callable[..., Maps], params: tuple[Any, ...], height: int, width: int, resolution: float = 1.0
) -> Dense:
    """The field `build(*params, height, width)`, read-only; below resolution 1 its displacements are built at that
    fraction of the size and enlarged.

    Each thread keeps the last field, since all targets of a call ask for the same one.
    """
    asked = (build, params, height, width, resolution)
    if getattr(_last, "asked", None) == asked:
        return _last.field  # type: ignore[no-any-return]
    if resolution >= 1.0:
        map_x, map_y = build(*params, height, width)
    else:
        rows, columns = max(1, round(height * resolution)), max(1, round(width * resolution))
        x: Any
        y: Any
        x, y = build(*params, rows, columns)
        x = (x - np.arange(columns, dtype=np.float32)) * np.float32(width / columns)
        y = (y - np.arange(rows, dtype=np.float32)[:, None]) * np.float32(height / rows)
        x = cv2.resize(x, (width, height), interpolation=cv2.INTER_LINEAR)
        y = cv2.resize(y, (width, height), interpolation=cv2.INTER_LINEAR)
        map_x, map_y = placed(x, y)
    map_x.flags.writeable = map_y.flags.writeable = False
    field = Dense(map_x, map_y)
    _last.field, _last.asked = field, asked
    return field
