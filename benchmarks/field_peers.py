"""The peers of benchmarks/field.py: each one's network, and how it is asked our way."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from contextlib import suppress
from importlib.metadata import version
from typing import Any, ClassVar

from torch import Tensor, nn

import minidiff as md
from benchmarks.field_own import Own, OwnDiffusers, OwnLucidrains, OwnSmalldiffusion
from minidiff.base.inputs import batch_of_labels, batch_of_times
from minidiff.base.model import Denoiser
from minidiff.chain.schedule import signal_and_noise
from minidiff.data._torchvision import import_torchvision
from minidiff.data.images import CLASSES
from minidiff.systems.digits import SIZE
from minidiff.weights.diffusers_unet import their_time


class Asked(Denoiser, ABC):
    """A peer's network that is called as ours are, ``net(x_t, t, y)`` with t = 1..T, and predicts the noise.

    Args:
        unet: The peer's network.
    """

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.channels, self.classes = 1, CLASSES
        self.unet: Any = unet

    def forward(self, x: Tensor, t: Tensor | float, y: Tensor | int | None = None) -> Tensor:
        """x: (B, 1, H, W), t: () or (B,), y: () or (B,) → (B, 1, H, W)."""
        labels = batch_of_labels(y, self.classes, len(x), x.device)
        assert labels is not None
        return self.ask(x, batch_of_times(t, len(x), x.device), labels)

    @abstractmethod
    def ask(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """What the peer's network says, asked in its own way; the label ``classes`` stands for none."""


class AskedDiffusers(Asked):
    """UNet2DModel: its times are 0..T-1, and it knows labels."""

    def ask(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """At their time, with their name for labels."""
        out: Tensor = self.unet(x, their_time(t), class_labels=y, return_dict=False)[0]
        return out


class TimeAndLabel(nn.Module):
    """An embedding of time to which that of a label is added, as diffusers' network and ours add theirs.

    Args:
        time: The embedding of time, whose last layer is linear.
    """

    def __init__(self, time: Any) -> None:
        super().__init__()
        self.time = time
        self.label = nn.Embedding(CLASSES + 1, time[-1].out_features)
        self.y: Tensor | None = None  # told before each call: the network passes on nothing but t

    def forward(self, t: Tensor) -> Tensor:
        """t: (B,) → (B, width)."""
        out: Tensor = self.time(t)
        return out if self.y is None else out + self.label(self.y)


class AskedLucidrains(Asked):
    """Unet of lucidrains: its times are 0..T-1, and it knows no labels until it is given a table of them."""

    def __init__(self, unet: Any) -> None:
        super().__init__(unet)
        unet.time_mlp = TimeAndLabel(unet.time_mlp)

    def ask(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """At their time, the label laid beside it."""
        self.unet.time_mlp.y = y
        out: Tensor = self.unet(x, t - 1)
        self.unet.time_mlp.y = None
        return out


class AskedSmalldiffusion(Asked):
    r"""Unet of smalldiffusion: it is asked about :math:`x_0 + \sigma\epsilon` at σ, and knows labels.

    Args:
        unet: The network.
        schedule: Says which σ belongs to t: the noise beside the signal, whatever the signal's size.
    """

    def __init__(self, unet: Any, schedule: md.NoiseSchedule) -> None:
        super().__init__(unet)
        self.schedule = schedule

    def ask(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """At σ, about the picture whose signal has its full size."""
        signal, noise = signal_and_noise(t, self.schedule, x)
        out: Tensor = self.unet(x / signal, noise / signal, cond=y)
        return out


class Peer(ABC):
    """A library beside ours.

    Args:
        documented: Take the network as large as the library's own documentation builds it, where it would
            else be as near to ours as it can.

    Attributes:
        name: What the tables call it.
        pinned: What to install, in the versions that this file was written for.
        module: What is imported of it.
        near, documents: Sizes of the network, near to ours and as documented.
    """

    name: str
    pinned: tuple[str, ...]
    module: str
    near: ClassVar[dict[str, Any]]
    documents: ClassVar[dict[str, Any]]

    def __init__(self, documented: bool = False) -> None:
        self.sizes = self.documents if documented else self.near

    def library(self) -> Any:
        """The module, imported only now."""
        with suppress(ImportError):
            import_torchvision()  # all three import it; beside a CPU torch it needs a little help
        return importlib.import_module(self.module)

    def missing(self) -> str:
        """Why it cannot be imported; nothing, if it can."""
        try:
            self.library()
        except ImportError as error:
            return f"not installed ({error}): pip install --no-deps {' '.join(self.pinned)}"
        return ""

    def version(self) -> str:
        """Name and version of what is installed; and the pinned one, where that is another."""
        pinned = self.pinned[0]
        package = pinned.partition("==")[0]
        found = f"{package}=={version(package)}"
        return found if found == pinned else f"{found} (written for {pinned})"

    @abstractmethod
    def asked(self, schedule: md.NoiseSchedule) -> Asked:
        """A new network with labels, for our loop."""

    @abstractmethod
    def own(self, batch: int) -> Own:
        """A new network with its own training; ``batch`` counts where the library says nothing of it."""


class Diffusers(Peer):
    """UNet2DModel. Its training script knows no labels, so that its own row draws without."""

    name = "diffusers"
    pinned = ("diffusers==0.42.1",)
    module = "diffusers"
    near: ClassVar[dict[str, Any]] = {
        "block_out_channels": (16, 32, 64),
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "norm_num_groups": 4,  # 32, its default, do not divide 16 channels
    }
    # Those of its training script halve a picture five times: too often for 16 pixels. UNet2DModel's own:
    documents: ClassVar[dict[str, Any]] = {}

    def unet(self, **options: Any) -> Any:
        """The network."""
        unet = self.library().UNet2DModel
        return unet(sample_size=SIZE, in_channels=1, out_channels=1, **self.sizes, **options)

    def asked(self, schedule: md.NoiseSchedule) -> Asked:
        """With its own table of labels."""
        return AskedDiffusers(self.unet(num_class_embeds=CLASSES + 1))

    def own(self, batch: int) -> Own:
        """Without labels."""
        return OwnDiffusers(self.unet())


class Lucidrains(Peer):
    """Unet of denoising_diffusion_pytorch, which knows no labels."""

    name = "lucidrains"
    pinned = ("denoising-diffusion-pytorch==2.3.4", "ema-pytorch==0.7.9")
    module = "denoising_diffusion_pytorch"
    near: ClassVar[dict[str, Any]] = {"dim": 16, "dim_mults": (1, 2, 4)}
    documents: ClassVar[dict[str, Any]] = {"dim": 64, "dim_mults": (1, 2, 4, 8)}

    def unet(self) -> Any:
        """The network."""
        return self.library().Unet(channels=1, **self.sizes)

    def asked(self, schedule: md.NoiseSchedule) -> Asked:
        """With a table of labels beside its embedding of time."""
        return AskedLucidrains(self.unet())

    def own(self, batch: int) -> Own:
        """Without labels."""
        return OwnLucidrains(self.unet())


class Smalldiffusion(Peer):
    """Unet of smalldiffusion, scaled as in its examples, so that what it sees keeps its size at all σ."""

    name = "smalldiffusion"
    pinned = ("smalldiffusion==0.5.0",)
    module = "smalldiffusion"
    # Its normalisation has 32 groups whatever the width: 32 channels are the fewest.
    near: ClassVar[dict[str, Any]] = {"ch": 32, "ch_mult": (1, 1, 2), "num_res_blocks": 1}
    documents: ClassVar[dict[str, Any]] = {"ch": 64, "ch_mult": (1, 1, 2)}

    def unet(self, label_dropout: float) -> Any:
        """The network; its table of labels hides some from itself as it learns."""
        theirs = self.library()
        width = self.sizes["ch"] * 4
        labels = theirs.CondEmbedderLabel(width, CLASSES, label_dropout)
        # Attention where pictures have been halved once, as in its example.
        options = {"attn_resolutions": (SIZE // 2,), "cond_embed": labels}
        return theirs.Scaled(theirs.Unet)(SIZE, 1, 1, **self.sizes, **options)

    def asked(self, schedule: md.NoiseSchedule) -> Asked:
        """Our loss hides labels already."""
        return AskedSmalldiffusion(self.unet(label_dropout=0.0), schedule)

    def own(self, batch: int) -> Own:
        """With labels, which its loop and its sampler take."""
        return OwnSmalldiffusion(self.unet(label_dropout=0.1), batch)


PEERS: tuple[type[Peer], ...] = (Diffusers, Lucidrains, Smalldiffusion)
