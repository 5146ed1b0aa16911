"""Couplings: which noise of a batch is paired with which data."""

from __future__ import annotations

import torch
from torch import Tensor

from ..base.contracts import contract


@contract("data: floats, noise: like data, y: label of each of data")
def ot_coupling(noise: Tensor, data: Tensor, y: Tensor | None = None) -> Tensor:
    r"""Pair the noise and the data of a batch so that the pairs lie as close as can be: optimal transport.

    .. math::
        \pi = \arg\min_{\pi} \sum_i \bigl\| \text{data}_i - \text{noise}_{\pi(i)} \bigr\|^2

    over all permutations :math:`\pi`. Each noise and each data is used once, so nothing is repeated
    and, over many batches, both keep their distributions. Paths of such pairs cross less, and the
    flow that a network learns from them is straighter. The data stay where they are:

    >>> noise = noise[ot_coupling(noise, data)]  # doctest: +SKIP

    **With labels** pairs are looked for among the examples of one label only. Paired across labels,
    the noise of each label would come from its own part of the Gaussian, but sampling draws it from
    all of it.

    Args:
        noise: Shape (B, ...).
        data: Same shape.
        y: Labels of the data, LongTensor (B,), or None.

    Returns:
        :math:`\pi`, a LongTensor (B,) on the data's device. It is worked out on the CPU, in time that
        grows like B³ at worst.

    Raises:
        ImportError: If scipy is not installed.

    Source:
        Tong et al. 2024, OT-CFM; Pooladian et al. 2023, multisample flow matching.
    """
    flat_noise, flat_data = (x.detach().cpu().double().flatten(1) for x in (noise, data))
    if y is None:
        return _assign(flat_noise, flat_data).to(data.device)
    order = torch.empty(len(data), dtype=torch.int64)
    labels = y.cpu()
    for label in set(labels.tolist()):
        rows = torch.nonzero(labels == label).flatten()
        order[rows] = rows[_assign(flat_noise[rows], flat_data[rows])]
    return order.to(data.device)


def _assign(noise: Tensor, data: Tensor) -> Tensor:
    """The best permutation of rows (B, D), both float64 on the CPU."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(
            "the optimal-transport coupling is worked out by scipy, which is not installed: "
            "pip install scipy, or pair at random with coupling=None"
        ) from error
    # |d - n|² = |d|² + |n|² - 2 d·n, and the first two sum to the same whatever the permutation.
    _, order = linear_sum_assignment((-data @ noise.T).numpy())
    return torch.from_numpy(order)
