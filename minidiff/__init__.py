"""minidiff: diffusion models in a library that reads like the lecture.

``import minidiff as md`` loads the core (torch, numpy, einops). ``md.check``, ``md.data``,
``md.interop`` (diffusers), ``md.metrics``, ``md.recipes``, ``md.systems`` and ``md.viz`` are loaded when they
are first used.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from . import flow, nn
from .base.conditions import drop_conditions
from .base.model import default_device
from .base.rng import seeded
from .chain import exact
from .chain.convert import (
    convert,
    eps_from_score,
    eps_from_v,
    eps_from_x0,
    score_from_eps,
    score_from_v,
    score_from_x0,
    v_from_eps,
    v_from_score,
    v_from_x0,
    x0_from_eps,
    x0_from_score,
    x0_from_v,
)
from .chain.forward import q_sample, q_step
from .chain.gaussians import discretised_log_likelihood, gaussian_kl, gaussian_log_density
from .chain.makers import (
    rescale_zero_terminal_snr,
    scaled_linear_schedule,
    sigmoid_beta_schedule,
    sigmoid_schedule,
)
from .chain.posterior import (
    log_interpolation,
    model_variance,
    posterior_weights,
    q_posterior,
    split_variance,
    step_variances,
)
from .chain.schedule import NoiseSchedule, cosine_schedule, gather, linear_schedule
from .losses.bound import kl_terms
from .losses.elbo import L_T, Elbo, elbo, standard_error
from .losses.elbo_sampled import importance_of_times, sampled_bits_per_dim
from .losses.learned_variance import hybrid_loss, vlb_loss
from .losses.simple import loss_weights, min_snr_weights, noisy_classifier_loss, simple_loss
from .nn import MLP, DigitClassifier, NoisyClassifier, TinyUNet, sinusoidal_embedding
from .nn.precision import with_precision
from .sampling.editing import inpaint, sdedit
from .sampling.guidance import (
    classifier_free_guidance,
    classifier_gradient,
    classifier_guidance,
    interval,
    shifted_mean,
)
from .sampling.inversion import invert, slerp
from .sampling.loop import ddim_sample, ddpm_sample, sampling_steps
from .sampling.solvers import dpm_solver_sample, heun_sample, log_snr_times, solver_steps
from .sampling.step import sample_step
from .sampling.walk import State, sampling_times
from .training.loop import train
from .training.run import Run
from .weights import available, load

__version__ = "0.1.0"

__all__ = [
    "L_T",
    "MLP",
    "DigitClassifier",
    "Elbo",
    "NoiseSchedule",
    "NoisyClassifier",
    "Run",
    "State",
    "TinyUNet",
    "available",
    "classifier_free_guidance",
    "classifier_gradient",
    "classifier_guidance",
    "convert",
    "cosine_schedule",
    "ddim_sample",
    "ddpm_sample",
    "default_device",
    "discretised_log_likelihood",
    "dpm_solver_sample",
    "drop_conditions",
    "elbo",
    "eps_from_score",
    "eps_from_v",
    "eps_from_x0",
    "exact",
    "flow",
    "gather",
    "gaussian_kl",
    "gaussian_log_density",
    "heun_sample",
    "hybrid_loss",
    "importance_of_times",
    "inpaint",
    "interval",
    "invert",
    "kl_terms",
    "linear_schedule",
    "load",
    "log_interpolation",
    "log_snr_times",
    "loss_weights",
    "min_snr_weights",
    "model_variance",
    "nn",
    "noisy_classifier_loss",
    "posterior_weights",
    "q_posterior",
    "q_sample",
    "q_step",
    "rescale_zero_terminal_snr",
    "sample_step",
    "sampled_bits_per_dim",
    "sampling_steps",
    "sampling_times",
    "scaled_linear_schedule",
    "score_from_eps",
    "score_from_v",
    "score_from_x0",
    "sdedit",
    "seeded",
    "shifted_mean",
    "sigmoid_beta_schedule",
    "sigmoid_schedule",
    "simple_loss",
    "sinusoidal_embedding",
    "slerp",
    "solver_steps",
    "split_variance",
    "standard_error",
    "step_variances",
    "train",
    "v_from_eps",
    "v_from_score",
    "v_from_x0",
    "vlb_loss",
    "with_precision",
    "x0_from_eps",
    "x0_from_score",
    "x0_from_v",
]

_LAZY = {name: name for name in ("check", "data", "metrics", "recipes", "systems", "viz")}
_LAZY["interop"] = "weights.interop"


def __getattr__(name: str) -> ModuleType:
    if name in _LAZY:
        return importlib.import_module(f".{_LAZY[name]}", __name__)
    raise AttributeError(f"module 'minidiff' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
