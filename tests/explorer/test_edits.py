from __future__ import annotations

import numpy as np
import pytest

import augury as A
from augury.explorer import edits
from tests.explorer import runs


def record(key: int = 0, **changes: object) -> A.Program:
    sample = runs.source("img03")
    return A.Program.from_record(runs.pipeline()(**sample, key=(key,))["replay"])


@pytest.mark.parametrize("text", ["off Rotate", "on OneOf/GaussNoise:2", "set A.b[0].c[12] 1.5", 'set A.b "x y"'])
def test_edits_are_texts(text: str) -> None:
    [edit] = edits.read([text])
    assert str(edit) == text.replace("x y", "x y")


@pytest.mark.parametrize(
    "text", ["", "off", "jump Rotate", "set Rotate 1", "set Rotate.angle", "set R.a NaN", "set R.a[x] 1"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(A.FieldError, match="edit: got"):
        edits.read([text])
    with pytest.raises(A.FieldError, match="undo some"):
        edits.read(["off A"] * 201)


def test_a_step_that_chance_left_out_runs_with_what_it_would_have_drawn() -> None:
    certain = runs.pipeline().to_dict()
    for step in certain["transforms"]:
        step["p"] = 1.0
    always = A.from_dict({"library": "augury", "format": 1, "transform": certain})
    for key in range(12):
        program = record(key)
        for step in program.steps:
            if step.status == "skipped" and "/" not in step.path:
                made = edits.draw_step(program, step.path, runs.pipeline(), runs.source("img03"))
                would = always(**runs.source("img03"), key=(key,))["replay"]
                [other] = [s for s in A.Program.from_record(would).steps if s.path == step.path]
                drop = {k: v for k, v in other.params.items() if k != "shape"}
                assert {k: v for k, v in made.params.items() if k != "shape"} == drop


def test_off_and_on_again_is_the_program_itself() -> None:
    program = next(
        p for p in map(record, range(20)) if any(s.path == "Rotate" and s.status == "applied" for s in p.steps)
    )
    todo = edits.read(["off Rotate", "on Rotate"])
    sample = runs.source("img03")
    made = edits.apply(program, todo, runs.pipeline(), sample).program
    assert np.array_equal(A.replay(made, **sample)["image"], A.replay(program, **sample)["image"])


def test_values_inside_lists() -> None:
    program = next(
        p for p in map(record, range(40)) if any(s.path == "CoarseDropout" and s.status == "applied" for s in p.steps)
    )
    made = edits.apply(program, edits.read(["set CoarseDropout.holes[0][1] 3"]), None, None).program
    [step] = [s for s in made.steps if s.path == "CoarseDropout"]
    assert step.params["holes"][0][1] == 3
