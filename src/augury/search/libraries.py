"""The libraries of models, the names they know, and their weights from local files; none is ever asked of a network."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from augury.errors import FieldError, nearest
from augury.search.config import ClassificationModel, Config, MainOptimizer, PolicyOptimizer, TrialOptimizer
from augury.search.sections import where as at

# timm and segmentation-models-pytorch import torchvision for its Python alone. A torchvision whose compiled operators
# were built for another torch (CUDA beside CPU) fails on import, because it describes these before it looks for them.
_OPERATORS = tuple(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms"))
_declared: list[Any] = []

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"


def torchvision() -> Any:
    """torchvision; without compiled operators if it was built for another torch than the one installed."""
    try:
        return import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        import torch

        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for operator in _OPERATORS:
            library.define(operator)  # type: ignore[no-untyped-call]
        _declared.append(library)  # its declarations end with the object
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        return import_module("torchvision")


def timm() -> Any:
    """timm, which holds the classification models."""
    torchvision()
    return import_module("timm")


def smp() -> Any:
    """segmentation_models_pytorch, which holds the segmentation models."""
    torchvision()
    return import_module("segmentation_models_pytorch")


# ---- names of models ---------------------------------------------------------------------------------------


def check_timm(architecture: str, where: str = "classification_model.architecture") -> None:
    """Raise FieldError unless timm has a model of this name."""
    known = timm().list_models()
    name, _, tag = architecture.partition(".")
    if name not in known:
        raise FieldError(_unknown(where, architecture, name, known, "timm", "timm.list_models()"))
    if tag and architecture not in timm().list_pretrained(f"{name}.*"):
        tags = ", ".join(timm().list_pretrained(f"{name}.*")) or "none"
        raise FieldError(f"{where}: got {architecture!r}; timm has no such weights of {name}, known: {tags}")


def check_smp(architecture: str, encoder: str) -> None:
    """Raise FieldError unless segmentation_models_pytorch has a model and an encoder of these names."""
    section = "semantic_segmentation_model"
    known = [model.__name__ for model in smp().MODEL_ARCHITECTURES_MAPPING.values()]
    if architecture.lower() not in {name.lower() for name in known}:
        raise FieldError(
            _unknown(f"{section}.architecture", architecture, architecture, known, "segmentation_models_pytorch",
                     ", ".join(known))
        )  # fmt: skip
    if encoder.startswith("tu-"):
        check_timm(encoder.removeprefix("tu-"), f"{section}.encoder_architecture")
    elif encoder not in smp().encoders.get_encoder_names():
        raise FieldError(
            _unknown(f"{section}.encoder_architecture", encoder, encoder, smp().encoders.get_encoder_names(),
                     "segmentation_models_pytorch", "its get_encoder_names(), and tu-NAME for every model of timm")
        )  # fmt: skip


def _unknown(where: str, value: str, name: str, known: list[str], library: str, all_of_them: str) -> str:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"known: {all_of_them}"
    return f"{where}: got {value!r}; {library} has no such model, {hint}"


# ---- weights -----------------------------------------------------------------------------------------------


def timm_weights(architecture: str, pretrained: bool | str, where: str = "classification_model.pretrained") -> str:
    """File with the weights of a timm model: the one named by `pretrained`, or for True the one in the local Hugging
    Face cache.

    Pass it to `timm.create_model(..., pretrained=True, pretrained_cfg_overlay={"file": path})`.
    Raises FieldError saying where to put the file if it is not on this machine.
    """
    if isinstance(pretrained, str):
        return _own(pretrained, where)
    settings = timm().get_pretrained_cfg(architecture)
    if settings is None or not settings.hf_hub_id:
        raise FieldError(f"{where}: timm knows no weights of {architecture}; set it to false, or to a file of your own")
    return _cached(settings.hf_hub_id, None, where, architecture)


def smp_weights(encoder: str, pretrained: bool | str, where: str = "semantic_segmentation_model.pretrained") -> str:
    """File with the weights of an encoder, as `timm_weights`; for True those trained on ImageNet.

    The file holds the state dict of the encoder alone. Raises FieldError as `timm_weights`.
    """
    if isinstance(pretrained, str):
        return _own(pretrained, where)
    if encoder.startswith("tu-"):
        return timm_weights(encoder.removeprefix("tu-"), pretrained, where)
    settings = smp().encoders.encoders[encoder]["pretrained_settings"].get("imagenet")
    if settings is None:
        raise FieldError(f"{where}: there are no ImageNet weights of {encoder}; set it to false, or to a file")
    return _cached(settings["repo_id"], settings.get("revision"), where, encoder)


def _own(path: str, where: str) -> str:
    if not Path(path).is_file():
        raise FieldError(f"{where}: got {path!r}; there is no such file, give the path of a .safetensors or .pth file")
    return path


def _cached(repository: str, revision: str | None, where: str, name: str) -> str:
    from huggingface_hub import constants, try_to_load_from_cache

    for file in (SAFE, PICKLED):
        found = try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(found, str):
            return found
    at = f" --revision {revision}" if revision else ""
    raise FieldError(
        f"{where}: the weights of {name} are not on this machine, and augury never downloads; where there is a network "
        f"run `hf download {repository} {SAFE}{at}` (it fills {constants.HF_HUB_CACHE}), or save the file anywhere and "
        f"write its path here; false starts from random weights"
    )


# ---- all names of a config ------------------------------------------------------------------------------------


def check_names(config: Config) -> None:
    """Raise FieldError, naming the nearest known one, for an operation, algorithm, model, weights or optimizer that
    does not exist; nothing is downloaded to find out.
    """
    from augury.search.algorithms import find_algorithm
    from augury.search.operations import find_operation

    for number, operation in enumerate(config.policy_model.operations):
        find_operation(operation, f"policy_model.operations[{number}]")
    find_algorithm(config.policy_model.algorithm)
    model = config.model
    if model.target is None:
        if isinstance(model, ClassificationModel):
            check_timm(model.architecture)
            if model.pretrained:
                timm_weights(model.architecture, model.pretrained)
        else:
            check_smp(model.architecture, model.encoder_architecture)
            if model.pretrained:
                smp_weights(model.encoder_architecture, model.pretrained)
    for optimizer in (config.optim.main, config.optim.policy, config.evaluate.optimizer):
        _check_optimizer(optimizer)


def optimizer_class(optimizer: MainOptimizer | PolicyOptimizer | TrialOptimizer) -> Any:
    """The class of torch.optim that a section names; FieldError if there is none."""
    import torch

    kinds = {
        name: kind
        for name, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer
    }
    package, _, name = optimizer.target.rpartition(".")
    if package not in ("", "torch.optim") or name not in kinds:
        near = nearest(name, kinds)
        hint = f"did you mean 'torch.optim.{near}'?" if near else f"known: {', '.join(kinds)}"
        raise FieldError(f"{at(optimizer, '_target_')}: got {optimizer.target!r}; no optimizer of torch.optim, {hint}")
    return kinds[name]


def _check_optimizer(optimizer: MainOptimizer | PolicyOptimizer | TrialOptimizer) -> None:
    import inspect

    import torch

    kind = optimizer_class(optimizer)
    accepted = [name for name in inspect.signature(kind).parameters if name != "params"]
    for name in optimizer.arguments:
        if name not in accepted:
            near = nearest(name, accepted)
            hint = f"did you mean {at(optimizer, near)!r}?" if near else f"known: {', '.join(accepted)}"
            raise FieldError(f"{at(optimizer, name)}: unknown argument of {optimizer.target}; {hint}")
    try:
        kind([torch.nn.Parameter(torch.zeros(1))], **optimizer.arguments)
    except (ValueError, TypeError) as error:
        raise FieldError(f"{optimizer.path}: {optimizer.target} refuses its arguments; {error}") from None
