"""One trial: a model trained on samples under one augmentation, and measured on others as they are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from augury.search.algorithms import task_losses
from augury.search.chance import seed_everything, seed_of
from augury.search.config import Config
from augury.search.libraries import optimizer_class
from augury.search.loaders import Share

if TYPE_CHECKING:
    import augury as A
    from augury.search.data import SearchData

# Samples that take less than this are decoded once and stay in memory.
MOST_BYTES = 2**30
# The share of the steps in which the learning rate rises, before it falls along half a cosine.
WARM_UP = 0.1


class Source:
    """A dataset's items as they are, checked; held in memory if they are small."""

    def __init__(self, data: SearchData) -> None:
        self.data = data
        image, target = data.raw(0)
        size = image.nbytes + (0 if isinstance(target, int) else target.nbytes)
        self._held = [data.raw(i) for i in range(len(data))] if size * len(data) < MOST_BYTES else None

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        return self.data.raw(number) if self._held is None else self._held[number]


class Augmented(Dataset[tuple[Tensor, Tensor]]):
    """Some items of a source after a pipeline that ends in tensors; what item (epoch, index) draws follows from it."""

    def __init__(self, source: Source, numbers: Sequence[int], pipeline: A.Compose) -> None:
        self.source, self.numbers, self.pipeline = source, numbers, pipeline

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, at: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = at
        number = self.numbers[index]
        image, target = self.source[number]
        if isinstance(target, int):
            return self.pipeline(image=image, key=(epoch, number))["image"], torch.tensor(target)
        out = self.pipeline(image=image, mask=target, key=(epoch, number))
        return out["image"], out["mask"]


@dataclass(frozen=True)
class Setting:
    """What all trials of a seed share; only `train`'s pipeline differs between arms.

    model: makes the untrained network; it takes normalised images and returns (logits, anything).
    """

    config: Config
    train: Augmented
    test: Augmented
    model: Callable[[], torch.nn.Module]
    seed: int
    epochs: int


def run(setting: Setting, tell: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Train and measure: `score` in [0, 1] (see `score`), `losses` of every epoch, `seconds`.

    Equal seeds start from equal weights and see samples in equal order, whatever the augmentation. tell: called after
    every epoch. trainer.precision: bf16 ones autocast to bfloat16, 16-mixed to float16 on a GPU; otherwise float32.
    """
    config, began = setting.config, time.perf_counter()
    device, place = _device(config), torch.channels_last
    seed_everything(seed_of(config.seed, "evaluate", setting.seed))
    model: Any = setting.model()
    model.to(device=device, memory_format=place)
    compiled = torch.compile(model) if config.trainer.compile else model
    share, batches = _batches(config, setting.train, setting.seed, config.data.dataloader.shuffle)
    chosen = config.evaluate.optimizer
    optimizer = optimizer_class(chosen)(model.parameters(), **chosen.arguments)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _rate(setting.epochs * len(batches)))
    precise = _autocast(config, device)
    scaler = torch.amp.GradScaler(device.type, enabled=precise["dtype"] == torch.float16)
    losses = []
    for epoch in range(setting.epochs):
        seed_everything(seed_of(config.seed, "evaluate", setting.seed, epoch))
        share.set_epoch(epoch)
        model.train()
        total = torch.zeros((), device=device)
        for image, target in batches:
            with torch.autocast(**precise):
                logits, _ = compiled(image.to(device, memory_format=place, non_blocking=True))
            loss: Any = task_losses(logits, target.to(device, non_blocking=True)).mean()
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            schedule.step()
            total += loss.detach()
        losses.append(float(total) / len(batches))
        tell()
    measured = score(model, setting.test, config, device)
    return {"score": measured, "losses": losses, "seconds": time.perf_counter() - began}


@torch.no_grad()
def score(model: Any, data: Augmented, config: Config, device: torch.device) -> float:
    """Accuracy; for segmentation, intersection over union of each class over all pixels, meaned over the classes that
    occur in the masks or predictions. A pixel belongs to a class if its logit is above 0.
    """
    model.eval()
    total = torch.zeros(2, config.num_classes, dtype=torch.float64)
    size = config.data.dataloader.batch_size
    order = [
        [(0, index) for index in range(start, min(start + size, len(data)))] for start in range(0, len(data), size)
    ]
    for image, target in DataLoader(data, batch_sampler=order, num_workers=config.data.dataloader.num_workers):
        with torch.autocast(**_autocast(config, device)):
            logits = model(image.to(device, memory_format=torch.channels_last))[0].float().cpu()
        if target.ndim == 1:
            right = logits.argmax(1) == target
            total[:, 0] += torch.tensor([right.sum(), len(right)])
        else:
            found, there = logits > 0, target > 0
            total[0] += (found & there).sum((0, 2, 3))
            total[1] += (found | there).sum((0, 2, 3))
    occurs = total[1] > 0
    return float((total[0] / total[1])[occurs].mean()) if occurs.any() else 0.0


def _batches(config: Config, data: Augmented, seed: int, shuffle: bool) -> tuple[Share, DataLoader[Any]]:
    settings = config.data.dataloader
    size = min(settings.batch_size, len(data))
    share = Share(len(data), len(data) // size, size, 0, 1, (config.seed, "evaluate", seed), shuffle)
    pinned = settings.pin_memory and torch.cuda.is_available()
    generator = torch.Generator().manual_seed(seed_of(config.seed, "evaluate", seed, "workers"))
    loader = DataLoader(
        data, size, sampler=share, num_workers=settings.num_workers, pin_memory=pinned, generator=generator
    )
    return share, loader


def _rate(steps: int) -> Callable[[int], float]:
    """The factor of the learning rate by step."""
    rise = max(1, round(WARM_UP * steps))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

    return factor


def _device(config: Config) -> torch.device:
    wanted = config.trainer.accelerator in ("auto", "gpu", "cuda")
    return torch.device("cuda" if wanted and torch.cuda.is_available() else "cpu")


def _autocast(config: Config, device: torch.device) -> dict[str, Any]:
    precision = str(config.trainer.precision)
    half = precision == "16-mixed" and device.type == "cuda"
    dtype = torch.float16 if half else torch.bfloat16
    return {"device_type": device.type, "dtype": dtype, "enabled": half or precision.startswith("bf16")}
