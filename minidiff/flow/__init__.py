r"""Flow matching: a velocity that carries noise to data along paths that we choose.

Time runs from 0 (noise) to 1 (data), and the two ends are called by their names, never x_0 and x_1.
A *path* says how a pair (noise, data) is joined; a *coupling* says which noise is paired with which
data. "Optimal transport" may be said of either, and they are two things: :func:`ot_path` draws a
straight line between the two of a pair, :func:`ot_coupling` chooses the pairs of a batch.

A velocity is a function ``velocity(x, t)`` with t of shape (B,), giving a tensor like x: a network
trained with :func:`matching_loss`, or :func:`~minidiff.classifier_free_guidance` of one with labels.
(Guidance is a weighted sum of two predictions; velocities are added as noise predictions are.) A network
that says it predicts something else (``net.predicts``) is refused, and becomes a velocity by
:func:`velocity_from_eps_model`; the samplers of diffusion take a velocity as it is.
"""

from .convert import eps_model_from_velocity, to_diffusion, to_flow, velocity_from_eps_model
from .coupling import ot_coupling
from .exact import exact_velocity
from .likelihood import log_likelihood
from .losses import matching_loss, pair_loss
from .paths import Path, Weights, data_and_noise, on_path, ot_path, trigonometric_path, vp_path
from .reflow import reflow_pairs, straightness
from .solvers import SOLVERS
from .walk import State, flow_steps, invert, sample

__all__ = [
    "SOLVERS",
    "Path",
    "State",
    "Weights",
    "data_and_noise",
    "eps_model_from_velocity",
    "exact_velocity",
    "flow_steps",
    "invert",
    "log_likelihood",
    "matching_loss",
    "on_path",
    "ot_coupling",
    "ot_path",
    "pair_loss",
    "reflow_pairs",
    "sample",
    "straightness",
    "to_diffusion",
    "to_flow",
    "trigonometric_path",
    "velocity_from_eps_model",
    "vp_path",
]
