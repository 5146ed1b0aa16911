"""What the library does, to look at: plots, interactive figures for the page, the body of a function."""

from .explorers.beta_explorer import BetaExplorer, beta_explorer
from .explorers.ddim_explorer import DdimExplorer, ddim_explorer
from .explorers.elbo_explorer import ElboExplorer, elbo_explorer
from .explorers.flow_explorer import FlowExplorer, flow_explorer
from .explorers.guidance_explorer import GuidanceExplorer, guidance_explorer
from .explorers.guidance_field import GuidanceField, guidance_field
from .explorers.live_ddim import LiveDdim, live_ddim
from .explorers.live_digits import LiveDigits, live_digits
from .explorers.live_flow import LiveFlow, live_flow
from .explorers.live_guidance import LiveGuidance, live_guidance
from .explorers.live_walk import LiveWalk, live_walk
from .explorers.noise_explorer import NoiseExplorer, noise_explorer
from .explorers.posterior_explorer import PosteriorExplorer, posterior_explorer
from .explorers.reverse_explorer import ReverseExplorer, reverse_explorer
from .explorers.schedule_explorer import ScheduleExplorer, schedule_explorer
from .hash_noise import chain_noise
from .kernel.box import LiveBox
from .kernel.controls import Control
from .kernel.live import live
from .kernel.shown import Shown
from .kernel.upload import PictureUpload, picture_upload
from .kernel.watch import LiveTraining, live_training
from .listing import Source, source
from .plots import filmstrip, plot_losses, plot_points, plot_schedules, show_grid
from .style import use_style
from .widget import Widget

__all__ = [
    "BetaExplorer",
    "Control",
    "DdimExplorer",
    "ElboExplorer",
    "FlowExplorer",
    "GuidanceExplorer",
    "GuidanceField",
    "LiveBox",
    "LiveDdim",
    "LiveDigits",
    "LiveFlow",
    "LiveGuidance",
    "LiveTraining",
    "LiveWalk",
    "NoiseExplorer",
    "PictureUpload",
    "PosteriorExplorer",
    "ReverseExplorer",
    "ScheduleExplorer",
    "Shown",
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
    "live",
    "live_ddim",
    "live_digits",
    "live_flow",
    "live_guidance",
    "live_training",
    "live_walk",
    "noise_explorer",
    "picture_upload",
    "plot_losses",
    "plot_points",
    "plot_schedules",
    "posterior_explorer",
    "reverse_explorer",
    "schedule_explorer",
    "show_grid",
    "source",
    "use_style",
]
