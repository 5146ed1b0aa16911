r"""Noise schedules to diffusers and back: its schedulers, of which a chain has the numbers β."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..base.validate import check_choice, check_schedule
from ..chain.posterior import VARIANCES
from ..chain.schedule import NoiseSchedule
from .diffusers_unet import import_diffusers

KINDS = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}
SCHEDULERS = {"ddpm": "DDPMScheduler", "ddim": "DDIMScheduler"}
OTHER_LEVELS = ("karras_sigmas", "exponential_sigmas", "beta_sigmas", "flow_sigmas", "lu_lambdas")


def schedule_to_diffusers(
    schedule: NoiseSchedule,
    *,
    sampler: str = "ddpm",
    kind: str = "eps",
    variance: str = "small",
    clip: bool = False,
) -> Any:
    r"""A scheduler of diffusers with our :math:`\beta_1, \dots, \beta_T`, which visits our times.

    For n steps it visits ``sampling_times(T, n)``, all minus one, if n divides T (``timestep_spacing`` is
    "trailing"). For other n, diffusers' DDIM goes to another time than the one it visits next. With fewer
    steps than T, its DDPM adds noise in the last step, too, unless the variance is ``"small"``.

    Args:
        schedule: The noise schedule.
        sampler: ``"ddpm"`` or ``"ddim"``. Other schedulers are made of either's ``config``, by their
            ``from_config``.
        kind: What the network predicts, ``"eps"``, ``"x0"`` or ``"v"``.
        variance: Of DDPM's fresh noise, as in :func:`~minidiff.sample_step`.
        clip: Limit each guess of :math:`x_0` to [-1, 1]. For DDIM to derive the noise anew from the clipped
            guess, as ours does, its step has to be given ``use_clipped_model_output=True``.

    Returns:
        A ``DDPMScheduler`` or ``DDIMScheduler``. It keeps its tables in float32: they are equal to 1e-6.

    Raises:
        ImportError: If diffusers cannot be imported.
        TypeError: If ``schedule`` is no noise schedule.
        ValueError: If a word is unknown; for the score and for a velocity, which its schedulers do not take;
            for noise prediction with zero terminal SNR, where its schedulers divide by 0; and for DDIM with
            a learned variance, which it does not read.
    """
    check_schedule(schedule)
    check_choice("sampler", sampler, tuple(SCHEDULERS))
    check_choice("variance", variance, VARIANCES)
    _check_kind(kind, schedule)
    if sampler == "ddim" and variance == "learned":
        raise ValueError(
            "variance='learned' goes with sampler='ddpm': diffusers' DDIM takes no network with twice the "
            "channels"
        )
    options: dict[str, Any] = {"set_alpha_to_one": True}  # the last step ends in x_0, as ours
    if sampler == "ddpm":
        options = {
            "variance_type": "learned_range" if variance == "learned" else f"fixed_{variance}"
        }
    return getattr(import_diffusers(), SCHEDULERS[sampler])(
        num_train_timesteps=schedule.T,
        trained_betas=schedule.beta[1:].tolist(),
        prediction_type=KINDS[kind],
        clip_sample=clip,
        timestep_spacing="trailing",
        **options,
    )


def schedule_from_diffusers(scheduler: Any) -> NoiseSchedule:
    r"""The noise schedule of a scheduler of diffusers: its T numbers :math:`\beta`.

    Only the chain is taken over. How a scheduler walks is said to our samplers: ``clip_sample`` is ``clip=``,
    ``variance_type`` "fixed_small" is ``variance="small"``, "learned_range" is ``"learned"``; they always
    visit T first and end in :math:`x_0`.

    Args:
        scheduler: Any of them that has :math:`\beta`, such as ``DDPMScheduler`` or ``DDIMScheduler``.

    Returns:
        The schedule. With ``rescale_betas_zero_snr``, its terminal SNR is zero.

    Raises:
        TypeError: If the scheduler has no :math:`\beta`, as those of flows and those that count in σ.
        ValueError: If its noise levels are not those of its :math:`\beta` (Karras's and others, a shifted
            SNR); if it has another number of :math:`\beta` than of training steps; or if its terminal SNR is
            zero and it counts in σ, as Euler's and Heun's do: σ is infinite there, and diffusers puts
            :math:`\bar\alpha_T = 2^{-24}` in its place, which with its default :math:`\beta` is more than
            :math:`\bar\alpha_{T-1}`, so that its noise levels do not fall.
    """
    beta, alpha_bar = getattr(scheduler, "betas", None), getattr(scheduler, "alphas_cumprod", None)
    name = type(scheduler).__name__
    if not isinstance(beta, Tensor) or not isinstance(alpha_bar, Tensor):
        raise TypeError(
            f"scheduler must be one of diffusers that has betas, such as DDPMScheduler, got {name}; flows, "
            "and schedulers that know only σ, are no chain of T steps"
        )
    _check_levels(scheduler, name)
    beta = beta.double()
    ends_in_noise = bool(beta[-1] == 1)
    if ends_in_noise and hasattr(scheduler, "sigmas"):
        raise ValueError(
            f"{name} counts in σ = √((1 - ᾱ)/ᾱ), which is infinite at zero terminal SNR; with "
            "rescale_betas_zero_snr diffusers puts ᾱ_T = 2**-24 there, and its σ do not fall with the "
            "default betas; take DDIMScheduler.from_config(scheduler.config), which has ᾱ_T = 0"
        )
    if len(beta) != scheduler.config.num_train_timesteps:
        raise ValueError(
            f"{name} has {len(beta)} betas and num_train_timesteps = "
            f"{scheduler.config.num_train_timesteps}; they must be as many"
        )
    if not torch.allclose(torch.cumprod(1 - beta, 0), alpha_bar.double(), rtol=0, atol=1e-5):
        raise ValueError(
            f"{name} has alphas_cumprod that are not the products of 1 - betas (as a shifted SNR makes "
            "them), so its betas are not the ones of its chain"
        )
    return NoiseSchedule(beta, name=f"diffusers {name}", zero_terminal_snr=ends_in_noise)


def kind_from_diffusers(scheduler: Any) -> str:
    """What a scheduler of diffusers takes a network's answer to be: ``"eps"``, ``"x0"`` or ``"v"``.

    Args:
        scheduler: Its ``prediction_type`` says it; where it has none, it is the noise.

    Raises:
        ValueError: If it is none of the three, such as "flow_prediction".
    """
    said = scheduler.config.get("prediction_type", "epsilon")
    for kind, word in KINDS.items():
        if word == said:
            return kind
    raise ValueError(
        f"prediction_type must be one of {', '.join(map(repr, KINDS.values()))}; got {said!r}"
    )


def _check_kind(kind: str, schedule: NoiseSchedule) -> None:
    """ValueError: If diffusers has no word for such a prediction, or would divide by 0."""
    if kind not in KINDS:
        why = {
            "velocity": ": flows have schedulers of their own there",
            "score": ": convert it first",
        }
        raise ValueError(
            f"diffusers' chains take networks that predict one of {', '.join(map(repr, KINDS))}; got "
            f"{kind!r}{why.get(kind, '')}"
        )
    if kind == "eps" and schedule.last_signal < schedule.T:
        raise ValueError(
            "a network that predicts the noise cannot start at zero terminal SNR: diffusers divides by "
            "√ᾱ_T = 0 there and draws NaN; train it to predict v or x0"
        )


def _check_levels(scheduler: Any, name: str) -> None:
    """ValueError: If a scheduler spreads its noise levels by another rule than its betas."""
    for option in OTHER_LEVELS:
        if scheduler.config.get(f"use_{option}"):
            raise ValueError(
                f"{name} has use_{option}: it walks over other noise levels than those of its betas; take "
                "DDPMScheduler.from_config(scheduler.config) if the chain is all you want"
            )
