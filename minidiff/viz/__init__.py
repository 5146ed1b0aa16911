"""What the library does, to look at: plots, interactive figures for the page, the body of a function."""

from .explorers.beta import BetaExplorer, beta_explorer
from .explorers.ddim import DdimExplorer, ddim_explorer
from .explorers.elbo import ElboExplorer, elbo_explorer
from .explorers.field import GuidanceField, guidance_field
from .explorers.flow import FlowExplorer, flow_explorer
from .explorers.free_guidance import GuidanceExplorer, guidance_explorer
from .explorers.noise import NoiseExplorer, chain_noise, noise_explorer
from .explorers.posterior import PosteriorExplorer, posterior_explorer
from .explorers.reverse import ReverseExplorer, reverse_explorer
from .explorers.schedules import ScheduleExplorer, schedule_explorer
from .listing import Source, source
from .plots import filmstrip, plot_losses, plot_points, plot_schedules, show_grid
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
    "Source",
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
    "source",
]
