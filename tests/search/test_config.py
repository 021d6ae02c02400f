from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

for name in ("hydra", "torch"):
    pytest.importorskip(name)

import augury as A  # noqa: E402
from augury.errors import FieldError, RecordError  # noqa: E402
from augury.search import libraries  # noqa: E402
from augury.search.config import TASKS, Config, DataLoader, PolicyModel  # noqa: E402
from augury.search.reading import load  # noqa: E402
from augury.search.sections import every_section, known  # noqa: E402
from augury.search.written import new_config, to_yaml  # noqa: E402

LEAST: dict[str, Any] = {"task": "classification", "classification_model": {"num_classes": 10}}
SEGMENTATION: dict[str, Any] = {"task": "semantic_segmentation", "semantic_segmentation_model": {"num_classes": 2}}


def with_key(path: str, value: Any, base: dict[str, Any] = LEAST) -> dict[str, Any]:
    """A config with the key at a dotted path set."""
    first, _, rest = path.partition(".")
    return {**base, first: with_key(rest, value, base.get(first, {})) if rest else value}


def folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "search.yaml").write_text(text, encoding="utf-8")
    return tmp_path


YAML = """
task: classification
classification_model: {num_classes: 10}
data:
  dataset: {_target_: dataset.SearchDataset, root: "${config_dir:}/x"}
hydra: {run: {dir: "out/${now:%Y}"}}
"""


def test_a_short_config_is_filled_with_defaults() -> None:
    config = Config.read(LEAST)
    assert config.num_classes == 10 and config.model.architecture == "resnet18"
    assert config.policy_model == PolicyModel() and len(config.policy_model.operations) == 14
    assert config.policy_model.operations[0] == {"name": "ShiftR"}
    assert config.optim.main.arguments == {"lr": 1e-3, "betas": [0.0, 0.999]}


def test_one_argument_of_the_default_optimizer_keeps_the_others() -> None:
    config = Config.read(with_key("optim.policy.lr", 0.5))
    assert config.optim.policy.arguments == {"lr": 0.5, "betas": [0.5, 0.999]}
    config = Config.read(with_key("optim.policy", {"_target_": "torch.optim.SGD", "lr": 0.5}))
    assert config.optim.policy.arguments == {"lr": 0.5}


@pytest.mark.parametrize("base", [LEAST, SEGMENTATION], ids=["classification", "segmentation"])
def test_plain_data_and_back(base: dict[str, Any]) -> None:
    config = Config.read(base)
    assert Config.read(config.to_dict()) == config


def test_sections_are_checked_in_python_too() -> None:
    with pytest.raises(FieldError, match=r"policy_model\.num_chunks: got 0; pass a finite integer at least 1"):
        PolicyModel(num_chunks=0)


@pytest.mark.parametrize("section", list(every_section(Config)), ids=lambda section: section.path or "whole")
def test_every_misspelt_key_is_refused_with_the_nearest(section: Any) -> None:
    for key in known(section):
        if section.open or len(key) < 4:
            continue
        wrong = key[:-1] + ("x" if key[-1] != "x" else "y")
        with pytest.raises(FieldError) as caught:
            section.read({wrong: 1})
        path = f"{section.path}." if section.path else ""
        assert f"{path}{wrong}: unknown key; did you mean '{path}{key}'?" in str(caught.value)


REFUSED = {
    "policy_model.num_chunk": (3, "did you mean 'policy_model.num_chunks'"),
    "max_epochs": (3, r"'trainer\.max_epochs' is one"),
    "classification_model.architektur": ("a", r"did you mean 'classification_model\.architecture'"),
    "data.dataloader.batch_size": (3, r"less than policy_model\.num_chunks=4"),
    "data.preprocessing": ([{"Resize": {"height": 3, "wdth": 2}}], r"preprocessing\[0\]: Resize\.wdth.*'width'"),
    "data.dataset": ("nothing", "file .*dataset.py"),
    "data.normalization": ({"mean": [0.1, 0.2], "std": [1, 1, 1]}, "2 means and 3 deviations"),
    "data.normalization.std": (0, "above 0"),
    "data": (3, "write a mapping of dataset"),
    "trainer.max_epochs": ("many", "finite integer"),
    "trainer.precision": ("8", "16-mixed"),
    "trainer.devices": (1.5, "a number of devices"),
    "policy_model.operations": ([], "a list of operations"),
    "policy_model.temperature": (0, "above 0"),
    "classification_model.pretrained": (3, "true .*false.*file"),
    "classification_model.num_classes": (0, "at least 1"),
    "task": ("detection", "'classification', 'semantic_segmentation'"),
    "_version": (4, "update augury"),
    "semantic_segmentation_model": ({"num_classes": 3}, "does not belong to task classification"),
}


@pytest.mark.parametrize("path", REFUSED)
def test_what_is_wrong_is_named(path: str) -> None:
    value, message = REFUSED[path]
    with pytest.raises(FieldError, match=message) as caught:
        Config.read(with_key(path, value))
    assert path.partition(".")[0] in str(caught.value)


def test_an_unknown_transform_is_named() -> None:
    with pytest.raises(
        RecordError, match=r"data\.preprocessing\[0\]: unknown transform 'Resiz'; did you mean 'Resize'"
    ):
        Config.read(with_key("data.preprocessing", [{"Resiz": {}}]))


def test_what_is_missing_is_named() -> None:
    with pytest.raises(FieldError, match="task: missing"):
        Config.read({})
    with pytest.raises(FieldError, match="classification_model: missing"):
        Config.read({"task": "classification"})
    with pytest.raises(FieldError, match=r"classification_model\.num_classes: missing"):
        Config.read({**LEAST, "classification_model": {}})


def test_an_own_model_gets_keys_of_its_own() -> None:
    config = Config.read(with_key("classification_model", {"num_classes": 2, "_target_": "net.Net", "width": 8}))
    assert config.model.target == "net.Net" and config.model.arguments == {"width": 8}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("dataset.py", "dataset.py:SearchDataset"),
        ("package.module:Kind", "package.module:Kind"),
        ("package.module.Kind", "package.module:Kind"),
    ],
)
def test_the_ways_to_name_a_dataset(written: str, read: str) -> None:
    assert Config.read(with_key("data.dataset", written)).data.dataset == {"_target_": read}


def test_preprocessing_becomes_transforms() -> None:
    config = Config.read(with_key("data.preprocessing", [{"Resize": {"height": 4, "width": 5}}, "HorizontalFlip"]))
    assert config.data.steps() == [A.Resize(height=4, width=5), A.HorizontalFlip(p=1.0)]


# ---- files -------------------------------------------------------------------------------------------------


def test_overrides_reach_keys_that_the_file_leaves_out(tmp_path: Path) -> None:
    config = load(folder(tmp_path, YAML), ["trainer.max_epochs=3", "hydra.run.dir=here", "data.dataset.root=there"])
    assert config.trainer.max_epochs == 3 and config.hydra.run.dir == "here"
    assert config.data.dataset == {"_target_": "dataset:SearchDataset", "root": "there"}


def test_interpolations_are_resolved(tmp_path: Path) -> None:
    config = load(folder(tmp_path, YAML))
    assert config.data.dataset["root"] == f"{tmp_path}/x"
    assert config.hydra.run.dir.startswith("out/2")
    assert load(folder(tmp_path, YAML.partition("hydra")[0])).hydra.run.dir.startswith("outputs/")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.max_epoch=3", r"trainer\.max_epoch: unknown key; did you mean 'trainer\.max_epochs'"),
        ("trainer.max_epochs", "write key=value"),
        ("seed=1,2", "search.yaml: Ambiguous value"),
        ("data={", "search.yaml: "),
        ("hydra.job.chdir=true", r"only hydra\.run\.dir"),
    ],
)
def test_wrong_overrides_are_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        load(folder(tmp_path, YAML), [override])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task: [", "search.yaml: .*"),
        ("- task", "search.yaml|mapping"),
        ("seed: ${nothing}", "nothing"),
        ("seed: ???", "[Mm]issing mandatory value: seed"),
        ("hydra: {run: {dri: x}}", "dri"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        load(folder(tmp_path, text))


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"holds no search\.yaml; make one with `augury search create"):
        load(tmp_path)


def test_reading_a_config_runs_nothing_it_names(tmp_path: Path) -> None:
    text = YAML.replace("dataset.SearchDataset", "os.system") + "optim: {main: {_target_: os.abort}}"
    config = load(folder(tmp_path, text))
    with pytest.raises(FieldError, match=r"optim\.main\._target_: got 'os\.abort'"):
        libraries.check_names(config)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("full", [False, True])
def test_new_configs_load_and_equal_their_plain_data(tmp_path: Path, task: Any, full: bool) -> None:
    text = new_config(task, 7, "D", full)
    config = load(folder(tmp_path, text))
    assert config.num_classes == 7
    assert load(folder(tmp_path, to_yaml(config.to_dict()))).to_dict() == config.to_dict()
    if full:
        for section in every_section(Config):
            own = section.path == f"{task}_model" or not section.path.endswith("_model") or "policy" in section.path
            for key in known(section) if own and not section.path.endswith("_model") else ():
                assert f"{key}:" in text or key.endswith("_model"), key
        assert all(len(line) <= 130 for line in text.splitlines())


# ---- names that libraries know -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("policy_model.operations", ["Rotat"], r"policy_model\.operations\[0\].*did you mean 'Rotate'"),
        ("policy_model.operations", [{"name": "Rotate", "rnge": 3}], "did you mean 'range'"),
        ("policy_model.algorithm", "faster_autoaugmnt", "did you mean 'faster_autoaugment'"),
        ("classification_model.architecture", "resnet81", "timm has no such model, did you mean 'resnet"),
        ("classification_model.architecture", "resnet18.nobody", "no such weights of resnet18"),
        ("optim.main._target_", "torch.optim.Adm", r"did you mean 'torch\.optim\.Adam'"),
        ("optim.main.lrr", 3, r"did you mean 'optim\.main\.lr'"),
        ("optim.policy.lr", -1.0, "refuses its arguments; Invalid learning rate"),
    ],
)
def test_unknown_names_are_refused(path: str, value: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        libraries.check_names(Config.read(with_key(path, value)))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("architecture", "Unett", "did you mean 'Unet'"),
        ("encoder_architecture", "resnet81", "did you mean 'resnet"),
        ("encoder_architecture", "tu-resnet81", "timm has no such model"),
    ],
)
def test_unknown_segmentation_models_are_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(FieldError, match=f"semantic_segmentation_model.{key}.*{message}"):
        libraries.check_names(Config.read(with_key(f"semantic_segmentation_model.{key}", value, SEGMENTATION)))


def test_known_names_are_accepted() -> None:
    libraries.check_names(Config.read(LEAST))
    libraries.check_names(Config.read(with_key("classification_model.architecture", "resnet18.a1_in1k")))
    libraries.check_names(Config.read(SEGMENTATION))
    libraries.check_names(
        Config.read(with_key("semantic_segmentation_model.encoder_architecture", "tu-resnet18", SEGMENTATION))
    )


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("base", [LEAST, SEGMENTATION], ids=["classification", "segmentation"])
def test_weights_that_are_not_here_are_never_fetched(
    base: dict[str, Any], empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(FieldError, match=r"pretrained: .*augury never downloads.*hf download") as caught:
        libraries.check_names(Config.read(with_key(f"{base['task']}_model.pretrained", True, base)))
    assert str(empty_cache) in str(caught.value)


def test_weights_in_the_cache_are_found(empty_cache: Path) -> None:
    repository = empty_cache / "models--timm--resnet18.a1_in1k"
    weights = repository / "snapshots" / "abc" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.touch()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert libraries.timm_weights("resnet18", True) == str(weights)


def test_a_file_of_weights_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="there is no such file"):
        libraries.timm_weights("resnet18", str(tmp_path / "weights.safetensors"))
    with pytest.raises(FieldError, match="there is no such file"):
        libraries.smp_weights("resnet18", str(tmp_path / "weights.safetensors"))


def test_sections_are_frozen() -> None:
    with pytest.raises(AttributeError):
        DataLoader().batch_size = 3  # type: ignore[misc]
