"""Pictures of what the library does: plots for the chapters, and interactive figures for the page."""

from .beta import BetaExplorer, beta_explorer
from .ddim import DdimExplorer, ddim_explorer
from .elbo import ElboExplorer, elbo_explorer
from .field import GuidanceField, guidance_field
from .flow import FlowExplorer, flow_explorer
from .free_guidance import GuidanceExplorer, guidance_explorer
from .noise import NoiseExplorer, chain_noise, noise_explorer
from .plots import filmstrip, plot_losses, plot_points, plot_schedules, show_grid
from .posterior import PosteriorExplorer, posterior_explorer
from .reverse import ReverseExplorer, reverse_explorer
from .schedules import ScheduleExplorer, schedule_explorer
from .widget import Widget

__all__ = [
    "BetaExplorer",
    "DdimExplorer",
    "ElboExplorer",
    "FlowExplorer",
    "GuidanceExplorer",
    "GuidanceField",
    "NoiseExplorer",
    "PosteriorExplorer",
    "ReverseExplorer",
    "ScheduleExplorer",
    "Widget",
    "beta_explorer",
    "chain_noise",
    "ddim_explorer",
    "elbo_explorer",
    "filmstrip",
    "flow_explorer",
    "guidance_explorer",
    "guidance_field",
    "noise_explorer",
    "plot_losses",
    "plot_points",
    "plot_schedules",
    "posterior_explorer",
    "reverse_explorer",
    "schedule_explorer",
    "show_grid",
]
