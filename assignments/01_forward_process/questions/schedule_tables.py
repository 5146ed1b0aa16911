"""Exercise: from the β of each step to the tables of α_t and ᾱ_t."""

from __future__ import annotations

import itertools
import operator

import torch
from torch import Tensor

from minidiff.check import Case, Exercise

Tables = tuple[Tensor, Tensor]

EXERCISE = Exercise(
    name="schedule_tables",
    statement=r"""
From $\beta_1, \dots, \beta_T$, a tensor `beta` of length T, make the tables of

$$\alpha_t = 1 - \beta_t, \qquad \bar\alpha_t = \prod_{s=1}^{t} \alpha_s$$

for $t = 0, 1, \dots, T$. Each table has length T + 1, so that it can be indexed by t itself. Entry 0 belongs
to the clean picture: $\alpha_0 = \bar\alpha_0 = 1$.

`beta` is float32. Compute in float64, from the first operation on, and give back the pair
(alpha, alpha_bar) in float64.
""",
    signature="schedule_tables(beta)",
    see="eq-alpha-bar",
    hints=(
        "Convert first: beta.double(). Then α_1, ..., α_T are one subtraction away.",
        "The product up to t is the product up to t - 1, times α_t. Torch has a function for it: cumprod.",
        "Put a one in front with torch.cat before you multiply: then ᾱ_0 = 1 comes out by itself.",
    ),
    practice=False,
    rtol=1e-9,  # finer than float32
    out_of_reach=("minidiff.NoiseSchedule.__init__",),
)


@EXERCISE.cases
def cases(generator: torch.Generator) -> list[Case]:
    """Long and short chains, with steps in order and in none; all β are float32."""

    def drawn(T: int) -> Tensor:
        return 0.02 + 0.5 * torch.rand(T, generator=generator)

    linear = [1e-4 + (0.02 - 1e-4) * i / 999 for i in range(1000)]
    return [
        Case("the paper's linear β, T = 1000", (torch.tensor(linear),)),
        Case("T = 6, in no order", (drawn(6),)),
        Case("T = 40, in no order", (drawn(40),)),
        Case("T = 1", (drawn(1),)),
    ]


def _with_front(values: Tensor, front: float = 1.0) -> Tensor:
    return torch.cat([torch.full((1,), front, dtype=values.dtype), values])


@EXERCISE.reference
def schedule_tables(beta: Tensor) -> Tables:
    """A one in front, and the products."""
    start = torch.ones(1, dtype=torch.float64)
    alpha = torch.cat([start, 1 - beta.double()])
    alpha_bar = torch.cumprod(alpha, dim=0)
    return alpha, alpha_bar


@EXERCISE.correct
def by_loop(betas: Tensor) -> list[Tensor]:
    """One product after the other, with plain numbers; a list of two."""
    alpha, alpha_bar = [1.0], [1.0]
    for beta in betas.tolist():
        alpha.append(1 - beta)
        alpha_bar.append(alpha_bar[-1] * (1 - beta))
    return [torch.tensor(values, dtype=torch.float64) for values in (alpha, alpha_bar)]


@EXERCISE.correct
def by_logarithms(beta: Tensor) -> Tables:
    """The product as the sum of logarithms, with a zero in front of β."""
    padded = torch.nn.functional.pad(beta.to(torch.float64), (1, 0))
    return 1 - padded, torch.log1p(-padded).cumsum(0).exp()


@EXERCISE.correct
def filled_in(beta: Tensor) -> Tables:
    """Two tables of ones, filled from entry 1 on."""
    T = len(beta)
    alpha = torch.ones(T + 1, dtype=torch.float64)
    alpha_bar = torch.ones_like(alpha)
    alpha[1:] -= beta
    for t in range(1, T + 1):
        alpha_bar[t] = alpha_bar[t - 1] * alpha[t]
    return alpha, alpha_bar


@EXERCISE.correct
def by_accumulate(beta: Tensor) -> Tables:
    """With plain numbers, by the library of loops."""
    alphas = [1.0, *(1.0 - b for b in beta.tolist())]
    products = list(itertools.accumulate(alphas, operator.mul))
    return torch.tensor(alphas, dtype=torch.float64), torch.tensor(products, dtype=torch.float64)


@EXERCISE.correct
def padded(beta: Tensor) -> Tables:
    """A β_0 = 0 in front, and no more to be done."""
    beta = torch.nn.functional.pad(beta.to(torch.float64), (1, 0))
    return 1 - beta, (1 - beta).cumprod(0)


@EXERCISE.mistake(
    "Your tables have T entries: the one for t = 0 is missing.",
    "Without it α_t would stand at t - 1, and each lookup would be one step off. Put a 1 in front of both.",
)
def no_entry_0(beta: Tensor) -> Tables:
    alpha = 1 - beta.double()
    return alpha, alpha.cumprod(0)


@EXERCISE.mistake(
    "You put a 0 in front of the tables.",
    "At t = 0 nothing has been done to the picture, so all of it is there: α_0 = ᾱ_0 = 1.",
)
def zero_in_front(beta: Tensor) -> Tables:
    alpha = 1 - beta.double()
    return _with_front(alpha, 0.0), _with_front(alpha.cumprod(0), 0.0)


@EXERCISE.mistake(
    "You put the 1 at the end of the tables.",
    "Entry 0 is the clean picture, entry T the last step: the extra 1 belongs in front.",
)
def one_at_the_end(beta: Tensor) -> Tables:
    alpha = 1 - beta.double()
    end = torch.ones(1, dtype=torch.float64)
    return torch.cat([alpha, end]), torch.cat([alpha.cumprod(0), end])


@EXERCISE.mistake(
    "You added the β up: your ᾱ_t is 1 - (β_1 + ... + β_t).",
    "Each step keeps a share of what the step before has left. Shares of shares are multiplied: "
    "ᾱ_t = α_1 α_2 ... α_t.",
)
def sum_of_betas(beta: Tensor) -> Tables:
    beta = beta.double()
    return _with_front(1 - beta), _with_front(1 - beta.cumsum(0))


@EXERCISE.mistake(
    "You multiplied the β and subtracted the product from 1.",
    "First 1 - β_t, then the product: it is the α that are multiplied.",
)
def product_of_betas(beta: Tensor) -> Tables:
    beta = beta.double()
    return _with_front(1 - beta), _with_front(1 - beta.cumprod(0))


@EXERCISE.mistake(
    "You multiplied in float32, and each product was rounded.",
    "After a thousand steps the errors have added up. Make α float64 before you multiply, and fill tables "
    "of that type: torch.ones(T + 1, dtype=torch.float64).",
)
def products_in_float32(beta: Tensor) -> Tables:
    alpha = _with_front(1 - beta.float())
    alpha_bar = torch.ones_like(alpha)
    for t in range(1, len(alpha)):
        alpha_bar[t] = alpha_bar[t - 1] * alpha[t]
    return alpha, alpha_bar


@EXERCISE.mistake(
    "You gave the two back in the other order.",
    "First alpha, the table of single steps, then alpha_bar, the table of products.",
)
def other_order(beta: Tensor) -> Tables:
    alpha = _with_front(1 - beta.double())
    return alpha.cumprod(0), alpha


@EXERCISE.mistake(
    "You computed in float32.",
    "Near t = 0 the important number is 1 - ᾱ_t, about 1e-4. In float32 it is wrong in its fourth digit. "
    "Convert β with beta.double() before anything else.",
)
def in_float32(beta: Tensor) -> Tables:
    alpha = _with_front(1 - beta.float())
    return alpha, alpha.cumprod(0)


@EXERCISE.mistake(
    "You subtracted in float32 and converted to float64 only after it.",
    "The digits that 1 - β_t loses in float32 do not come back. Write 1 - beta.double().",
)
def converted_too_late(beta: Tensor) -> Tables:
    alpha = _with_front((1 - beta.float()).double())
    return alpha, alpha.cumprod(0)
