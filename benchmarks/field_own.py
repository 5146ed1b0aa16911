"""How the peers of benchmarks/field.py train and sample by themselves: their trainers' own settings.

The settings are those of each library's trainer or training example; no line of these is copied. What the
trainers want beside (folders of pictures, trackers, Inception's weights) has no part in a network's learning.
"""

from __future__ import annotations

import copy
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

from minidiff.sampling.suited import STEPS
from minidiff.systems.digits import SIZE
from minidiff.training.state import EMA, lr_factor

Data = tuple[Tensor, Tensor]
"""Images and their labels."""


class Own(ABC):
    """A network that its own library's settings train, and its own sampler draws from.

    Attributes:
        module: What learns.
        labelled: Whether it is told labels.
    """

    module: nn.Module
    labelled = False

    @abstractmethod
    def steps(self, data: Data, done: Callable[[], float]) -> Iterator[int]:
        """Gradient steps without end; ``done()`` is the part of the time that is over, 0..1.

        Yields:
            After each step how many images it took.
        """

    @abstractmethod
    def drawn(self) -> nn.Module:
        """The module that :meth:`draw` asks, with the weights as they stand."""

    @abstractmethod
    def draw(self, noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures in [-1, 1], as many as there is noise."""


class OwnDiffusers(Own):
    """As ``train_unconditional.py`` of diffusers' examples, started as its README starts it (with EMA)."""

    def __init__(self, unet: Any) -> None:
        diffusers = importlib.import_module("diffusers")
        training = importlib.import_module("diffusers.training_utils")
        self.module: nn.Module = unet
        self.average: nn.Module = copy.deepcopy(unet).eval()
        self.scheduler = diffusers.DDPMScheduler()
        self.ema = training.EMAModel(
            unet.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75
        )
        self.pipeline = diffusers.DDIMPipeline(self.average, self.scheduler)
        self.pipeline.set_progress_bar_config(disable=True)

    def steps(self, data: Data, done: Callable[[], float]) -> Iterator[int]:
        """AdamW; the learning rate rises for 500 steps, and falls along half a cosine, here by the clock."""
        weights = list(self.module.parameters())
        optimizer = torch.optim.AdamW(
            weights, lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8
        )
        rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: lr_factor(n, done(), 500))
        self.module.train()
        for x_0, _ in again_and_again(data, batch=16):
            noise = torch.randn_like(x_0)
            t = torch.randint(0, self.scheduler.config.num_train_timesteps, (len(x_0),))
            x_t = self.scheduler.add_noise(x_0, noise, t)
            loss: Any = mse_loss(self.module(x_t, t, return_dict=False)[0], noise)
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            rate.step()
            self.ema.step(weights)
            optimizer.zero_grad()
            yield len(x_0)

    def drawn(self) -> nn.Module:
        """The average."""
        self.ema.copy_to(self.average.parameters())
        return self.average

    def draw(self, noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """By DDIMPipeline, which draws noise of its own."""
        drawn = self.pipeline(
            batch_size=len(noise),
            generator=generator,
            num_inference_steps=STEPS,
            output_type="pt",
        )
        images: Tensor = drawn.images
        return images * 2 - 1


class OwnLucidrains(Own):
    """As the Trainer of denoising_diffusion_pytorch, which itself wants a folder of pictures and more."""

    def __init__(self, unet: Any) -> None:
        theirs = importlib.import_module("denoising_diffusion_pytorch")
        averages = importlib.import_module("ema_pytorch")
        self.module = theirs.GaussianDiffusion(unet, image_size=SIZE, sampling_timesteps=STEPS)
        self.ema = averages.EMA(self.module, beta=0.995, update_every=10)

    def steps(self, data: Data, done: Callable[[], float]) -> Iterator[int]:
        """Adam at one learning rate; GaussianDiffusion teaches v, on its sigmoid schedule."""
        weights = list(self.module.parameters())
        optimizer = torch.optim.Adam(weights, lr=1e-4, betas=(0.9, 0.99))
        self.module.train()
        for x_0, _ in again_and_again(data, batch=16):
            self.module((x_0 + 1) / 2).backward()  # it wants pictures in 0..1
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            self.ema.update()
            yield len(x_0)

    def drawn(self) -> nn.Module:
        """The average."""
        average: nn.Module = self.ema.ema_model.eval()
        return average

    def draw(self, noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """By GaussianDiffusion's DDIM, which draws noise of its own."""
        with drawing_globally(generator):
            images: Tensor = self.ema.ema_model.sample(batch_size=len(noise))
        return images * 2 - 1


class OwnSmalldiffusion(Own):
    """As smalldiffusion's example for small grey pictures, fashion_mnist_unet.py, but told labels.

    The example's batch of 1024 leaves a few dozen steps in the minutes here; that of ours is taken instead.
    """

    labelled = True

    def __init__(self, unet: Any, batch: int) -> None:
        self.theirs = importlib.import_module("smalldiffusion")
        self.module, self.batch = unet, batch
        self.average = EMA(
            unet, 0.999
        )  # the same rule as that of torch_ema, which the example takes
        self.schedule = self.theirs.ScheduleLogLinear(N=800, sigma_min=0.01, sigma_max=20)
        self.accelerator = importlib.import_module("accelerate").Accelerator(cpu=True)

    def steps(self, data: Data, done: Callable[[], float]) -> Iterator[int]:
        """Its training_loop: AdamW at one learning rate. The loop hands out the step before it takes it."""
        loader = DataLoader(TensorDataset(*data), batch_size=self.batch, shuffle=True)
        options = {"lr": 7e-4, "conditional": True, "accelerator": self.accelerator}
        loop = self.theirs.training_loop(loader, self.module, self.schedule, **options)
        for n, step in enumerate(loop):
            self.average.update(self.module, n)
            yield len(step.x0)

    def drawn(self) -> nn.Module:
        """The average."""
        return self.average.net

    def draw(self, noise: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """By its samples(), at the defaults that make it DDIM, with classifier-free guidance of w = 1."""
        sigmas = self.schedule.sample_sigmas(STEPS)
        told = {"cond": labels, "cfg_scale": 1.0, "accelerator": self.accelerator}
        with drawing_globally(generator):
            *_, last = self.theirs.samples(
                self.average.net, sigmas, xt=noise * sigmas[0], batchsize=len(noise), **told
            )
        images: Tensor = last.clamp(-1, 1)
        return images


def again_and_again(data: Data, batch: int) -> Iterator[list[Tensor]]:
    """Batches of shuffled data, epoch after epoch."""
    loader = DataLoader(TensorDataset(*data), batch_size=batch, shuffle=True)
    while True:
        yield from loader


@contextmanager
def drawing_globally(generator: torch.Generator) -> Iterator[None]:
    """Inside, what draws from torch's global generator follows ``generator``."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        yield
