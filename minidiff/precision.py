"""fp32 or bf16."""
from __future__ import annotations
import torch
from torch import Tensor, nn
def choose_precision(net: nn.Module, x: Tensor, precision: str) -> str:
    return "fp32" if precision == "auto" else precision
def autocast(device: torch.device, precision: str) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
