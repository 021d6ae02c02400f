"""What a search is told: the sections of `search.yaml`.

Reading a config looks nothing up outside it and runs none of its code: the names of models and optimizers are checked
by `libraries.check_names`, and the user's own classes are imported by `data.load_class`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from augury.errors import FieldError, nearest, shown
from augury.fields import REQUIRED, Flag, Integer, Maybe, Number, Option, Plain, plain
from augury.saving import from_dict
from augury.search.sections import Section, key, known, section, where
from augury.transform import find_transform

VERSION = 3
TASKS = ("classification", "semantic_segmentation")
Task = Literal["classification", "semantic_segmentation"]

# The fourteen of AutoAlbument, in its order.
OPERATIONS = (
    "ShiftR", "ShiftG", "ShiftB", "Brightness", "Contrast", "Solarize", "HorizontalFlip", "VerticalFlip", "Rotate",
    "ShiftX", "ShiftY", "Scale", "CutoutFixedNumber", "CutoutFixedSize",
)  # fmt: skip


# ---- kinds of values that only configs have ------------------------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("pass a text that is not empty")
    return value


def Text(default: Any = REQUIRED) -> Plain:  # stands beside the field classes
    """A text that is not empty."""
    return Plain(default=default, check=_text)


def _operations(value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, (list, tuple)) or not value:
        raise ValueError("pass a list of operations, such as [Rotate, {name: ShiftX, range: 0.2}]")
    out = []
    for entry in value:
        named = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(named, Mapping) or not isinstance(named.get("name"), str):
            raise ValueError(f"{shown(entry)} is no operation; write its name, or {{name: Rotate, range: 45}}")
        out.append(plain(named))
    return tuple(out)


def _target(value: Any) -> dict[str, Any]:
    """`{"_target_": "module.Class", **arguments}`, also from the short forms of one text."""
    rule = "pass a file (dataset.py), package.module:Class, or a mapping with _target_: module.Class and its arguments"
    if isinstance(value, str) and value.strip():
        value = {"_target_": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("_target_"), str):
        raise ValueError(rule)
    target = value["_target_"].strip()
    if target.endswith(".py"):
        target += ":SearchDataset"
    elif ":" not in target:
        module, _, name = target.rpartition(".")
        target = f"{module}:{name}"
    if not all(target.rpartition(":")[::2]):
        raise ValueError(rule)
    return {**plain(value), "_target_": target}


def _steps(value: Any) -> tuple[dict[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise ValueError("pass a list of transforms, such as [{Resize: {height: 32, width: 32}}]")
    out: list[dict[str, Any]] = []
    for entry in value:
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise ValueError(f"{shown(entry)} is no step; write {{Name: {{argument: value}}}}")
        name, arguments = next(iter(entry.items()))
        if not isinstance(arguments, Mapping | None):
            raise ValueError(f"{name}: got {shown(arguments)}; pass a mapping of its arguments")
        out.append({str(name): dict(arguments or {})})
    return tuple(out)


def _per_channel(rule: str, low: float) -> Callable[[Any], tuple[float, ...]]:
    number = Number(low=low, open_low=low == 0)

    def check(value: Any) -> tuple[float, ...]:
        values = value if isinstance(value, (list, tuple)) else (value,)
        try:
            out = tuple(number.convert(v) for v in values)
        except ValueError:
            raise ValueError(rule) from None
        if not out:
            raise ValueError(rule)
        return out

    return check


def _pretrained(value: Any) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and value.strip()):
        return value
    raise ValueError("pass true (weights from the local Hugging Face cache), false, or the path of a file of weights")


def _devices(value: Any) -> Any:
    numbers = value if isinstance(value, (list, tuple)) else [value]
    if value == "auto" or (numbers and all(isinstance(v, int) and not isinstance(v, bool) for v in numbers)):
        return plain(value)
    raise ValueError("pass 'auto', a number of devices, or a list of their numbers")


# ---- sections ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PolicyModel(Section):
    """The policy and how it is learned."""

    path = "policy_model"

    algorithm: str = key(
        Text("validation_gradient"),
        "validation_gradient, density_matching, faster_autoaugment; trivial and random learn nothing",
    )
    estimator: str = key(
        Option(default="score", options=("score", "sampled", "mixture")),
        "score, sampled: evaluate only the chosen operation; mixture: evaluate and mix all, as published",
    )
    task_factor: float = key(Number(default=0.1, low=0), "weight of the task loss in the loss of the policy")
    gp_factor: float = key(Number(default=10.0, low=0), "weight of the gradient penalty of the critic")
    temperature: float = key(Number(default=0.05, low=0, open_low=True), "of the relaxed choices; lower is harder")
    num_sub_policies: int = key(Integer(default=40, low=1), "how many sub-policies are learned")
    num_chunks: int = key(Integer(default=4, low=1), "a batch is split into so many chunks, one sub-policy each")
    operation_count: int = key(Integer(default=4, low=1), "operations in a row in a sub-policy")
    operations: tuple[dict[str, Any], ...] = key(
        Plain(default=OPERATIONS, check=_operations), "what may be chosen: names, or {name: Rotate, range: 45}"
    )


NUM_CLASSES = "how many classes the labels have"
PRETRAINED = "or true: those of the local Hugging Face cache; or a file of weights"
OWN = "a class of your own, module.Class, in place of the library's; it gets all other keys"


class _Model(Section):
    """What both kinds of models share; `arguments` are the undeclared keys, for a class of the user's own."""

    open = True
    num_classes: int
    pretrained: bool | str
    target: str | None
    arguments: dict[str, Any]

    def check(self) -> None:
        declared = [name for name in known(type(self)) if name != "_target_"]
        for name in self.arguments if self.target is None else ():
            near = nearest(name, declared)
            hint = f"did you mean {where(self, near)!r}?" if near else f"known: {', '.join(declared)}"
            raise FieldError(f"{where(self, name)}: unknown key; {hint}")


@dataclass(frozen=True, kw_only=True)
class ClassificationModel(_Model):
    """The network of a classification task."""

    path = "classification_model"

    num_classes: int = key(Integer(low=1), NUM_CLASSES)
    architecture: str = key(Text("resnet18"), "a model of timm")
    pretrained: bool | str = key(Plain(default=False, check=_pretrained), PRETRAINED)
    target: str | None = key(Maybe(Text()), OWN, "_target_")
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SemanticSegmentationModel(_Model):
    """The network of a segmentation task."""

    path = "semantic_segmentation_model"

    num_classes: int = key(Integer(low=1), NUM_CLASSES)
    architecture: str = key(Text("Unet"), "a model of segmentation_models_pytorch")
    encoder_architecture: str = key(Text("resnet18"), "its encoder; tu-NAME is a model of timm")
    pretrained: bool | str = key(Plain(default=False, check=_pretrained), PRETRAINED)
    target: str | None = key(Maybe(Text()), OWN, "_target_")
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Normalization(Section):
    """Mean and deviation of the model's inputs, as fractions of full range, one number per channel or one for all."""

    path = "data.normalization"

    mean: tuple[float, ...] = key(
        Plain(default=(0.485, 0.456, 0.406), check=_per_channel("pass a number, or one per channel", float("-inf"))),
        "as fractions of full range, one per channel",
    )
    std: tuple[float, ...] = key(
        Plain(default=(0.229, 0.224, 0.225), check=_per_channel("pass a number above 0, or one per channel", 0)),
        "as fractions of full range, one per channel",
    )

    def check(self) -> None:
        if len(self.mean) != len(self.std):
            raise FieldError(f"{self.path}: got {len(self.mean)} means and {len(self.std)} deviations; pass as many")


@dataclass(frozen=True, kw_only=True)
class DataLoader(Section):
    """How samples become batches."""

    path = "data.dataloader"

    batch_size: int = key(Integer(default=64, low=1), "samples per step and device; at least policy_model.num_chunks")
    shuffle: bool = key(Flag(default=True), "another order in every epoch")
    num_workers: int = key(Integer(default=0, low=0), "processes that load samples")
    pin_memory: bool = key(Flag(default=False), "faster copies to a GPU")
    drop_last: bool = key(Flag(default=True), "leave out the last batch if it is smaller")


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """The samples, and what happens to them before the policy."""

    path = "data"

    dataset: dict[str, Any] = key(
        Plain(default="dataset.py", check=_target), "file, module:Class, or {_target_: dataset.SearchDataset, ...}"
    )
    input_dtype: str = key(
        Option(default="uint8", options=("uint8", "float32")), "dtype of the dataset's images; float32 is in [0, 1]"
    )
    preprocessing: tuple[dict[str, Any], ...] = key(
        Plain(default=(), check=_steps), "transforms that bring all samples to one size, in order"
    )
    standard: tuple[dict[str, Any], ...] = key(
        Plain(default=(), check=_steps), "transforms of training samples before the policy, such as a flip and a crop"
    )
    normalization: Normalization = section(Normalization, "of the model's inputs, after the policy")
    dataloader: DataLoader = section(DataLoader, "how samples become batches")
    held_out: float = key(
        Number(default=0.2, low=0, high=0.9), "fraction of the samples kept from training, if the algorithm needs it"
    )

    def check(self) -> None:
        check_steps(self.preprocessing, f"{self.path}.preprocessing")
        check_steps(self.standard, f"{self.path}.standard")

    def steps(self, standard: bool = False) -> list[Any]:
        """The transforms of the preprocessing, and of `standard` if asked; certain unless their `p` says otherwise."""
        return steps_of([*self.preprocessing, *(self.standard if standard else ())])


def check_steps(steps: Sequence[Mapping[str, Any]], where: str) -> None:
    """Raise FieldError, naming the place, for a list of transforms that cannot be built."""
    for number, step in enumerate(steps):
        ((name, arguments),) = step.items()
        at = f"{where}[{number}]"
        cls = find_transform(name, at)
        try:
            cls(**{"p": 1.0, **arguments})
        except FieldError as error:
            raise FieldError(f"{at}: {error}") from None


def steps_of(steps: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The transforms that a config lists, each certain unless its `p` says otherwise."""
    return [
        from_dict({"library": "augury", "format": 1, "transform": {"__class_fullname__": name, "p": 1.0, **values}})
        for step in steps
        for name, values in step.items()
    ]


ADAM = "torch.optim.Adam"
# As Faster AutoAugment has them.
ADAM_ARGUMENTS = {"lr": 1e-3, "betas": [0.0, 0.999]}
# At the 1e-3 of the published code, twenty epochs of a small data set hardly move a policy from its random start.
POLICY_ADAM_ARGUMENTS = {"lr": 2e-2, "betas": [0.5, 0.999]}


class _Optimizer(Section):
    open = True
    adam_arguments: ClassVar[dict[str, Any]] = ADAM_ARGUMENTS
    target: str
    arguments: dict[str, Any]

    def check(self) -> None:
        given = {**self.adam_arguments, **self.arguments} if self.target == ADAM else self.arguments
        object.__setattr__(self, "arguments", {name: _floats(value) for name, value in given.items()})


def _floats(value: Any) -> Any:
    """A list that mixes whole numbers and fractions, such as betas: [0, 0.999], as fractions: torch wants one type."""
    mixed = isinstance(value, (list, tuple)) and {type(v) for v in value} == {int, float}
    return [float(v) for v in value] if mixed else value


@dataclass(frozen=True, kw_only=True)
class MainOptimizer(_Optimizer):
    """The optimizer of the model and its critic."""

    path = "optim.main"

    target: str = key(Text(ADAM), "an optimizer of torch.optim", "_target_")
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PolicyOptimizer(_Optimizer):
    """The optimizer of the policy."""

    path = "optim.policy"
    adam_arguments = POLICY_ADAM_ARGUMENTS

    target: str = key(Text(ADAM), "an optimizer of torch.optim", "_target_")
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Optim(Section):
    """The two optimizers; keys beside `_target_` are the optimizer's arguments."""

    path = "optim"

    main: MainOptimizer = section(MainOptimizer, "of the model and its critic")
    policy: PolicyOptimizer = section(PolicyOptimizer, "of the policy")


@dataclass(frozen=True, kw_only=True)
class Stopping(Section):
    """When Average Parameter Change has stopped falling."""

    path = "callbacks.stopping"

    enabled: bool = key(Flag(default=True), "false: run all of trainer.max_epochs")
    patience: int = key(Integer(default=5, low=1), "epochs in which the change has not fallen, before the search ends")
    min_delta: float = key(Number(default=0.0, low=0), "a smaller fall than this does not count")


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Section):
    """What a search can be resumed from."""

    path = "callbacks.checkpoint"

    every_n_epochs: int = key(Integer(default=1, low=1), "write one after so many epochs")
    keep: int = key(Integer(default=2, low=1), "how many of the last ones stay on disk")


@dataclass(frozen=True, kw_only=True)
class Callbacks(Section):
    """What happens at the end of epochs."""

    path = "callbacks"

    stopping: Stopping = section(Stopping, "the end, once the policy no longer changes")
    checkpoint: Checkpoint = section(Checkpoint, "what a search is resumed from")


@dataclass(frozen=True, kw_only=True)
class Logger(Section):
    """Where the metrics go."""

    path = "logger"

    tensorboard: bool = key(Flag(default=True), "event files in tensorboard/")
    csv: bool = key(Flag(default=True), "metrics.csv")
    every_n_steps: int = key(Integer(default=10, low=1), "log the metrics of every n-th step")


@dataclass(frozen=True, kw_only=True)
class Trainer(Section):
    """How Lightning runs the search."""

    path = "trainer"

    max_epochs: int = key(Integer(default=40, low=1), "passes over the data, at most")
    accelerator: str = key(Text("auto"), "auto, cpu, gpu, ...")
    devices: Any = key(Plain(default="auto", check=_devices), "how many, or a list of their numbers")
    num_nodes: int = key(Integer(default=1, low=1), "hosts")
    strategy: str = key(Text("auto"), "auto, ddp, ...")
    precision: str | int = key(
        Option(
            default="32-true",
            options=("32-true", "16-mixed", "bf16-mixed", "bf16-true", "64-true", "32", "64", 32, 64),
        ),
        "32-true, 16-mixed or bf16-mixed",
    )
    compile: bool = key(Flag(default=False), "torch.compile the model")
    benchmark: bool = key(Flag(default=False), "let cuDNN choose its fastest kernels, which may differ between runs")
    limit_train_batches: int | None = key(Maybe(Integer(low=1)), "steps per epoch, at most")
    progress_bar: bool = key(Flag(default=True), "show one")


ADAMW = "torch.optim.AdamW"
ADAMW_ARGUMENTS = {"lr": 2e-3, "weight_decay": 0.05}


@dataclass(frozen=True, kw_only=True)
class TrialOptimizer(_Optimizer):
    """The optimizer of the models that `augury search evaluate` trains."""

    path = "evaluate.optimizer"

    target: str = key(Text(ADAMW), "an optimizer of torch.optim", "_target_")
    arguments: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        given = {**ADAMW_ARGUMENTS, **self.arguments} if self.target == ADAMW else self.arguments
        object.__setattr__(self, "arguments", {name: _floats(value) for name, value in given.items()})


@dataclass(frozen=True, kw_only=True)
class Evaluate(Section):
    """How `augury search evaluate` compares the found policy with augmentation that needs no search."""

    path = "evaluate"

    epochs: int = key(Integer(default=30, low=1), "passes over the data in every trial")
    held_out: float = key(
        Number(default=0.2, low=0, high=0.9, open_low=True),
        "fraction of the samples to measure on, others for each seed",
    )
    dataset: dict[str, Any] | None = key(
        Maybe(Plain(check=_target)), "samples to measure on, as data.dataset; all of data.dataset is then trained on"
    )
    optimizer: TrialOptimizer = section(TrialOptimizer, "of every trial; its rate rises and then falls to zero")


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("pass a mapping, such as {run: {dir: outputs}}")
    return cast(dict[str, Any], plain(value))


@dataclass(frozen=True, kw_only=True)
class HydraRun(Section):
    """Where a search writes."""

    path = "hydra.run"

    dir: str = key(Text("outputs"), "folder of the search, relative to where you are")


@dataclass(frozen=True, kw_only=True)
class HydraSection(Section):
    """Settings of Hydra itself."""

    path = "hydra"

    run: HydraRun = section(HydraRun, "where the search writes")


@dataclass(frozen=True, kw_only=True)
class Config(Section):
    """A whole search. Exactly the model's section that fits the task is there."""

    version: int = key(Integer(default=VERSION), "of this format", "_version")
    task: Task = key(Option(options=TASKS), "classification or semantic_segmentation")
    policy_model: PolicyModel = section(PolicyModel, "the policy and how it is learned")
    classification_model: ClassificationModel | None = section(
        ClassificationModel, "the network, for classification", optional=True
    )
    semantic_segmentation_model: SemanticSegmentationModel | None = section(
        SemanticSegmentationModel, "the network, for semantic segmentation", optional=True
    )
    data: Data = section(Data, "the samples, and what happens to them before the policy")
    optim: Optim = section(Optim, "the optimizers")
    callbacks: Callbacks = section(Callbacks, "what happens at the end of epochs")
    logger: Logger = section(Logger, "where the metrics go")
    trainer: Trainer = section(Trainer, "how Lightning runs the search")
    evaluate: Evaluate = section(Evaluate, "how the found policy is compared with others")
    seed: int = key(Integer(default=137, low=0), "of everything that is drawn")
    hydra: HydraSection = section(HydraSection, "where the search writes")

    def check(self) -> None:
        if self.version != VERSION:
            raise FieldError(
                f"_version: got {self.version}, this augury reads {VERSION}; "
                + ("update augury" if self.version > VERSION else "run `augury search migrate` on the file")
            )
        needed, other = (f"{task}_model" for task in (TASKS if self.task == TASKS[0] else TASKS[::-1]))
        if getattr(self, needed) is None:
            raise FieldError(f"{needed}: missing; task {self.task} needs it, with num_classes and architecture")
        if getattr(self, other) is not None:
            raise FieldError(f"{other}: does not belong to task {self.task}; remove it, or change the task")
        size, chunks = self.data.dataloader.batch_size, self.policy_model.num_chunks
        if size < chunks:
            raise FieldError(
                f"data.dataloader.batch_size: got {size}, less than policy_model.num_chunks={chunks}; every chunk "
                f"needs a sample, raise the one or lower the other"
            )

    @property
    def model(self) -> ClassificationModel | SemanticSegmentationModel:
        """The section of the task's network."""
        model = self.classification_model or self.semantic_segmentation_model
        assert model is not None  # check() has seen to it
        return model

    @property
    def num_classes(self) -> int:
        return self.model.num_classes


Section.root = Config
