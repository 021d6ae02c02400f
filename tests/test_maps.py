from __future__ import annotations

import os
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augury import maps, ops
from augury.errors import InverseError
from augury.rng import Source

KEY = "0123456789abcdef01234567"
D4 = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")
SIZES = ((1, 1), (1, 7), (6, 1), (31, 47), (64, 64))
# Fields that are smooth and one-to-one on SIZES from 31 pixels up.
FIELDS = (
    ops.GridField((0.8, 1.2, 1.1, 0.9), (1.3, 0.7, 1.0)),
    ops.LensField("camera", 0.3),
    ops.LensField("camera", -0.2),
    ops.LensField("fisheye", 0.25),
    ops.LensField("fisheye", -0.2),
    ops.SmoothField(KEY, 24.0, 6.0),
    ops.SmoothField(KEY, 130.0, 14.0, same_dxdy=True),
    ops.SmoothField(KEY, 130.0, 14.0, uniform=True),
    ops.SmoothField(KEY, 15.0, 6.0, approximate=True),
    ops.ControlField(KEY, 5, 4, 0.03),
    ops.MeshField(KEY, 4, 5, 0.02, 0.02),
    ops.MeshField(KEY, 4, 3, 0.05, 0.05, pinned=True),
    ops.SplineField(KEY, 4, 0.2),
    ops.WaveField(0.01, ((0.5, 30.0, 10.0), (0.9, 200.0, 100.0))),
)


def grid(height: int, width: int, n: int = 9) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, width, n), np.linspace(0, height, n))
    return np.stack([x.ravel(), y.ravel()], axis=1)


@pytest.mark.parametrize("element", D4)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_d4_keeps_the_frame_and_inverts(element: str, height: int, width: int) -> None:
    op = ops.D4(element)  # type: ignore[arg-type]
    xy = grid(height, width)
    move = op.map(height, width)
    moved = move.points(xy)
    new_height, new_width = op.size(height, width)
    assert moved.min() == 0.0
    assert moved.max(axis=0).tolist() == [new_width, new_height]
    np.testing.assert_array_equal(move.inverse().points(moved), xy)


def test_rotations_compose_exactly() -> None:
    quarter = maps.Matrix.rotate(90)
    assert (quarter @ quarter @ quarter @ quarter) == maps.Matrix()
    assert maps.Matrix.rotate(90).points(np.array([[1.0, 0.0]])).tolist() == [[0.0, -1.0]]
    assert maps.Matrix.rotate(-270) == maps.Matrix.rotate(90)


@given(
    st.floats(-180, 180), st.floats(0.3, 3), st.floats(0.3, 3), st.floats(-40, 40), st.floats(-30, 30), st.floats(-9, 9)
)
@settings(max_examples=60, deadline=None)
def test_affine_inverts_and_composes(rotate: float, sx: float, sy: float, ax: float, ay: float, t: float) -> None:
    one = maps.affine(31, 47, scale=(sx, sy), shear=(ax, 0.0), rotate=rotate, translate=(t, -t))
    two = maps.affine(31, 47, shear=(0.0, ay), rotate=13.0)
    xy = grid(31, 47)
    np.testing.assert_allclose((one.inverse() @ one).points(xy), xy, atol=1e-8)
    np.testing.assert_allclose((two @ one).points(xy), two.points(one.points(xy)), atol=1e-8)


def test_affine_turns_about_the_centre() -> None:
    centre = np.array([[23.5, 15.5]])
    np.testing.assert_allclose(maps.affine(31, 47, rotate=37, scale=(2, 0.5)).points(centre), centre)


def test_perspective_hits_its_corners_and_inverts() -> None:
    source = np.array([[0.0, 0.0], [47.0, 0.0], [47.0, 31.0], [0.0, 31.0]])
    target = np.array([[3.0, 1.0], [40.0, 4.0], [45.0, 30.0], [-2.0, 28.0]])
    move = maps.perspective(source, target)
    np.testing.assert_allclose(move.points(source), target, atol=1e-9)
    np.testing.assert_allclose(move.inverse().points(target), source, atol=1e-8)


def test_points_behind_the_horizon_land_far_away() -> None:
    move = maps.Matrix((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, -0.1, 0.0, 1.0))
    moved = move.points(np.array([[9.0, 1.0], [20.0, 1.0]]))
    assert np.isfinite(moved).all()
    assert moved[1, 0] > 1e6


def test_matrices_without_inverse_say_so() -> None:
    with pytest.raises(InverseError, match="determinant"):
        maps.Matrix.scale(0.0, 1.0).inverse()
    with pytest.raises(InverseError, match="corners"):
        maps.perspective([[0, 0], [1, 1], [2, 2], [3, 3]], [[0, 0], [1, 0], [1, 1], [0, 1]])


def test_fit_shows_the_whole_image() -> None:
    move, height, width = maps.fit(maps.affine(30, 50, rotate=90), 30, 50)
    assert (height, width) == (50, 30)
    moved = move.points(grid(30, 50))
    assert moved.min() > -1e-9
    assert (moved.max(axis=0) <= [width + 1e-9, height + 1e-9]).all()


def numeric(move: maps.Matrix | maps.Dense, xy: np.ndarray, step: float) -> np.ndarray:
    out = np.empty((len(xy), 2, 2))
    for axis in range(2):
        delta = np.eye(2)[axis] * step
        out[:, :, axis] = (move.points(xy + delta) - move.points(xy - delta)) / (2 * step)
    return out


@pytest.mark.parametrize(
    "move",
    [
        maps.affine(31, 47, rotate=20, shear=(10, 5)),
        maps.perspective([[0, 0], [47, 0], [47, 31], [0, 31]], [[3, 1], [40, 4], [45, 30], [-2, 28]]),
    ],
)
def test_matrix_jacobian_is_the_derivative(move: maps.Matrix) -> None:
    xy = grid(31, 47)
    np.testing.assert_allclose(move.jacobian(xy), numeric(move, xy, 1e-5), atol=1e-6)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("height", "width"), [(31, 47), (64, 64), (96, 51)])
@pytest.mark.parametrize("resolution", [1.0, 0.4])
def test_dense_points_undo_the_field(field: ops.Field, height: int, width: int, resolution: float) -> None:
    move = ops.Remap(field, resolution=resolution).map(height, width)
    rng = np.random.default_rng(0)
    index = np.stack([rng.integers(0, width, 200), rng.integers(0, height, 200)], axis=1)
    seen = np.stack([move.map_x[index[:, 1], index[:, 0]], move.map_y[index[:, 1], index[:, 0]]], axis=1) + 0.5
    np.testing.assert_allclose(move.points(seen.astype(np.float64)), index + 0.5, atol=0.01)


@pytest.mark.parametrize("field", FIELDS)
def test_dense_inverse_round_trips(field: ops.Field) -> None:
    height, width = 64, 80
    move = ops.Remap(field).map(height, width)
    back = move.inverse()
    xy = grid(height - 24, width - 24) + 12
    np.testing.assert_allclose(back.points(move.points(xy)), xy, atol=0.2)


def test_points_that_a_field_shows_nowhere_land_outside() -> None:
    field = ops.Remap(ops.LensField("fisheye", -0.3)).map(97, 131)
    assert isinstance(field, maps.Dense)
    corners = np.array([[0.0, 0.0], [131.0, 0.0], [131.0, 97.0], [11.4, 96.3]])
    x, y = field.points(corners).T
    assert not ((x >= 0) & (x <= 131) & (y >= 0) & (y <= 97)).any()
    assert np.abs(field.points(np.array([[65.5, 48.5]])) - (65.5, 48.5)).max() < 1e-3


def test_dense_jacobian_is_the_derivative() -> None:
    move = ops.Remap(ops.LensField("camera", 0.3)).map(96, 128)
    # Kept clear of the middle between pixel centres, where a bilinear field has kinks.
    xy = grid(60, 80, 5) + 18.25
    np.testing.assert_allclose(move.jacobian(xy), numeric(move, xy, 0.02), atol=0.02)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (7, 1), (2, 2)])
def test_fields_of_tiny_images_are_finite(field: ops.Field, height: int, width: int) -> None:
    move = ops.Remap(field).map(height, width)
    assert move.map_x.shape == move.map_y.shape == (height, width)
    assert move.map_x.dtype == move.map_y.dtype == np.float32
    assert np.isfinite(move.points(grid(height, width))).all()
    assert np.isfinite(move.inverse().map_x).all()


def test_neutral_fields_are_the_identity() -> None:
    for field in (
        ops.GridField((1.0,) * 5, (1.0,) * 3),
        ops.LensField("camera", 0.0),
        ops.ControlField(KEY, 3, 3, 0.0),
        ops.MeshField(KEY, 3, 3, 0.0, 0.0),
        ops.SplineField(KEY, 3, 0.0),
        ops.WaveField(0.0, ((0.5, 30.0, 10.0),)),
    ):
        move = ops.Remap(field).map(20, 30)
        np.testing.assert_allclose(move.map_x, np.tile(np.arange(30.0), (20, 1)), atol=1e-5)
        np.testing.assert_allclose(move.map_y, np.tile(np.arange(20.0)[:, None], (1, 30)), atol=1e-5)


@pytest.mark.parametrize("mode", ["camera", "fisheye"])
def test_lens_by_its_formula(mode: str) -> None:
    height, width, k = 40, 61, 0.4
    x, y = np.meshgrid(np.arange(width) - 30.0, np.arange(height) - 19.5)
    half = np.hypot(width, height) / 2
    r2 = (x / width) ** 2 + (y / height) ** 2 if mode == "camera" else (x / half) ** 2 + (y / half) ** 2
    factor = 1 + k * r2 + (k * r2**2 if mode == "camera" else 0)
    map_x, map_y = maps.lens_field(mode, k, height, width)
    np.testing.assert_allclose(map_x, x * factor + 30, atol=1e-4)
    np.testing.assert_allclose(map_y, y * factor + 19.5, atol=1e-4)


@pytest.mark.parametrize("columns", [4, 40])
def test_control_points_are_enlarged_as_opencv_does(columns: int) -> None:
    noise = Source(KEY).uniform(2 * 5 * columns, -9, 9).reshape(2, 5, columns)
    map_x, map_y = maps.control_field(KEY, 5, columns, 0.1, 90, 130)
    for seen, part, at in ((map_x, noise[0], np.arange(130)), (map_y, noise[1], np.arange(90)[:, None])):
        np.testing.assert_allclose(seen - at, cv2.resize(part, (130, 90), interpolation=cv2.INTER_CUBIC), atol=1e-4)


def test_a_mesh_is_bilinear_between_its_vertices() -> None:
    height, width, rows, columns = 60, 90, 3, 4
    moved = Source(KEY).normal(2 * rows * columns).reshape(2, rows, columns) * [[[0.1 * width]], [[0.05 * height]]]
    knots_y, knots_x = np.linspace(0, height, rows), np.linspace(0, width, columns)
    down = [np.array([np.interp(np.arange(height) + 0.5, knots_y, column) for column in part.T]).T for part in moved]
    x, y = (np.array([np.interp(np.arange(width) + 0.5, knots_x, row) for row in part]) for part in down)
    map_x, map_y = maps.mesh_field(KEY, rows, columns, 0.1, 0.05, False, height, width)
    np.testing.assert_allclose(map_x, x + np.arange(width), atol=1e-4)
    np.testing.assert_allclose(map_y, y + np.arange(height)[:, None], atol=1e-4)


@pytest.mark.parametrize(("points", "tolerance"), [(2, 0.005), (4, 0.005), (8, 0.02)])
@pytest.mark.parametrize(("height", "width"), [(97, 131), (300, 256)])
def test_a_spline_is_the_thin_plate_spline(points: int, tolerance: float, height: int, width: int) -> None:
    """Bookstein's system, solved and evaluated at every pixel."""
    at = np.linspace(0, 1, points)
    control = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    reach = np.array([width, height]) * 0.3 / (points - 1)
    moved = Source(KEY).uniform(2 * points**2, -1, 1).reshape(2, -1).T * reach

    def kernel(p: np.ndarray) -> np.ndarray:
        r = np.hypot(*(p[:, None] - control).transpose(2, 0, 1))
        bend = r**2 * np.log(np.where(r > 0, r, 1))
        return np.concatenate([bend, np.ones((len(p), 1)), p], axis=1)

    system = np.zeros((points**2 + 3, points**2 + 3))
    system[:-3] = kernel(control)
    system[-3:, :-3] = system[:-3, -3:].T
    weights = np.linalg.solve(system, np.concatenate([moved, np.zeros((3, 2))]))
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    exact = kernel(np.stack([x.ravel(), y.ravel()], axis=1)) @ weights
    map_x, map_y = maps.spline_field(KEY, points, 0.3, height, width)
    assert np.abs(exact[:, 0].reshape(height, width) + np.arange(width) - map_x).max() < tolerance * reach[0]
    assert np.abs(exact[:, 1].reshape(height, width) + np.arange(height)[:, None] - map_y).max() < tolerance * reach[1]


def test_waves_by_their_formula() -> None:
    height, width, waves = 50, 80, ((0.3, 25.0, 70.0), (1.1, 250.0, 0.0))
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    map_x, map_y = maps.wave_field(0.04, waves, height, width)
    for seen, at, axis in ((map_x, x, np.cos), (map_y, y, np.sin)):
        moved = np.zeros((height, width))
        for length, direction, phase in np.array(waves) * (50, np.pi / 180, np.pi / 180):
            along = x * np.cos(direction) + y * np.sin(direction)
            moved += 0.04 * 50 * axis(direction) * np.sin(2 * np.pi * along / length + phase)
        np.testing.assert_allclose(seen, at - 0.5 + moved, atol=1e-4)


@pytest.mark.parametrize("sigma", [5.0, 12.0])
@pytest.mark.parametrize("uniform", [False, True])
def test_smooth_displacements_have_the_expected_spread(sigma: float, uniform: bool) -> None:
    """White noise of variance v under a Gaussian has standard deviation sqrt(v) / (2 sqrt(pi) sigma)."""
    spread = []
    for i in range(12):
        map_x, map_y = maps.smooth_field(f"{i:024x}", sigma, sigma, False, uniform, False, 300, 340)
        spread += [(map_x - np.arange(340)).std() ** 2 + (map_x - np.arange(340)).mean() ** 2]
        spread += [((map_y - np.arange(300)[:, None]) ** 2).mean()]
    expected = (1 / np.sqrt(3) if uniform else 1.0) / (2 * np.sqrt(np.pi))
    assert np.sqrt(np.mean(spread)) == pytest.approx(expected, rel=0.12)


def test_fields_do_not_depend_on_the_threads_of_blas() -> None:
    code = f"""
import hashlib
from augury import maps
for size in ((61, 83), (256, 256), (1, 9000)):
    for name, params in (
        ("lens", ("camera", 0.1)), ("control", ({KEY!r}, 30, 31, 0.1)), ("mesh", ({KEY!r}, 40, 90, 0.1, 0.1, False)),
        ("spline", ({KEY!r}, 4, 0.3)), ("spline", ({KEY!r}, 16, 0.3)), ("wave", (0.01, ((0.1, 10.0, 20.0),) * 40)),
    ):
        fields = getattr(maps, name + "_field")(*params, *size)
        print(hashlib.md5(b"".join(field.tobytes() for field in fields)).hexdigest())
"""
    found = set()
    for threads in ("1", "4"):
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads), "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1 and len(found.pop().split()) == 18


def test_fields_depend_on_nothing_but_their_arguments() -> None:
    op, other = ops.Remap(FIELDS[5]), ops.Remap(FIELDS[6])
    first = op.map(40, 50).map_x.copy()
    other.map(40, 50)
    found: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: found.append(op.map(40, 50).map_x))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(first, op.map(40, 50).map_x)
    np.testing.assert_array_equal(first, found[0])
    assert op.map(40, 50) is op.map(40, 50)
    assert not op.map(40, 50).map_x.flags.writeable


def test_no_points_is_fine() -> None:
    empty = np.empty((0, 2))
    assert maps.Matrix().points(empty).shape == (0, 2)
    assert ops.Remap(FIELDS[1]).map(9, 9).points(empty).shape == (0, 2)
    assert ops.Remap(FIELDS[1]).map(9, 9).jacobian(empty).shape == (0, 2, 2)
