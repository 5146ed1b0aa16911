"""Ways to hand in the library's own version: each would pass if it were in reach, and each is refused."""

import copy
import math

import pytest
import torch
from mutants import exercise_files

import minidiff as md
from minidiff.check.bank import load
from minidiff.check.ladder import climb
from minidiff.nn.blocks import ResBlock, Stage
from minidiff.sampling.solvers import solve
from minidiff.training.state import EMA

FILES = exercise_files()
BORROWED = []


def answers(exercise):
    """Take a function as a borrowed answer to an exercise."""

    def take(function):
        BORROWED.append(pytest.param(exercise, function, id=f"{exercise}: {function.__name__}"))
        return function

    return take


class CaughtError(Exception):
    """A network leaves with what it was given."""


def caught(call):
    """What a network is given first: x and the times."""

    def net(x, t, *_, **__):
        raise CaughtError(x, t)

    with pytest.raises(CaughtError) as seen:
        call(net)
    return seen.value.args


def one_by_one(function, x, t, *others):
    """For a function of one t: each picture with its own."""
    rows = [[a[i : i + 1] for a in (x, *others)] for i in range(len(x))]
    return torch.cat([function(int(n), *row) for n, row in zip(t, rows, strict=True)])


# ---- 01 --------------------------------------------------------------------------------------


@answers("cosine_betas")
def of_the_schedule(T, s):
    return md.cosine_schedule(T, s).beta[1:]


@answers("log_snr")
def log_of_snr(t, schedule):
    return schedule.snr[t].log()


@answers("log_snr")
def continuous(t, schedule):
    return schedule.continuous.log_snr(t.double())


@answers("q_sample")
def itself(x_0, t, schedule, noise):
    return md.q_sample(x_0, t, schedule, noise=noise)


@answers("q_sample")
def seen_by_a_network(x_0, t, schedule, noise):
    return caught(lambda net: md.simple_loss(net, x_0, schedule, t=t, noise=noise))[0]


@answers("q_sample")
def seen_by_a_classifier(x_0, t, schedule, noise):
    y = torch.zeros(len(x_0), dtype=torch.int64)
    return caught(lambda net: md.noisy_classifier_loss(net, x_0, schedule, y, t=t, noise=noise))[0]


@answers("q_sample")
def seen_by_a_network_with_variance(x_0, t, schedule, noise):
    return caught(
        lambda net: md.vlb_loss(net, x_0, schedule, t=t, noise=noise, likelihood="density")
    )[0]


@answers("q_sample")
def by_both_factors(x_0, t, schedule, noise):
    a, b = md.chain.schedule.signal_and_noise(t, schedule, x_0)
    return a * x_0 + b * noise


@answers("q_step")
def one_step(x, t, schedule, noise):
    return md.q_step(x, t, schedule, noise=noise)


@answers("schedule_tables")
def of_a_schedule(beta):
    schedule = md.NoiseSchedule(beta)
    return schedule.alpha, schedule.alpha_bar


# ---- 02 --------------------------------------------------------------------------------------


@answers("bits_per_dim")
def of_a_bound(nats, shape):
    none = torch.zeros_like(nats)
    entries = math.prod(shape[1:])
    return md.Elbo(
        nats, none[:, None], none, none[:, None], entries, "small", "density"
    ).bits_per_dim


@answers("discrete_nll")
def summed(x_0, mean, log_variance):
    return -md.discretised_log_likelihood(x_0, mean, log_variance.exp()).flatten(1).sum(1)


@answers("gaussian_kl")
def divergence(mean_1, var_1, mean_2, var_2):
    return md.gaussian_kl(mean_1, var_1, mean_2, var_2)


@answers("mean_from_eps")
def step_without_noise(x_t, t, schedule, eps):
    def one(t, x_t, eps):
        return md.sample_step(eps, x_t, t, t - 1, schedule, noise=torch.zeros_like(x_t))[0]

    return one_by_one(one, x_t, t, eps)


@answers("mean_from_eps")
def of_a_guess(x_t, t, schedule, eps):
    return md.q_posterior(x_t, md.x0_from_eps(x_t, eps, t, schedule), t, schedule)[0]


@answers("q_posterior")
def posterior(x_t, x_0, t, schedule):
    return md.q_posterior(x_t, x_0, t, schedule)


@answers("q_posterior")
def from_a_step(x_t, x_0, t, schedule):
    none = torch.zeros_like(x_t)
    mean, _ = md.sample_step(x_0, x_t, t, t - 1, schedule, kind="x0", noise=none)
    return mean, schedule.beta_tilde[t]


@answers("q_posterior")
def by_weights(x_t, x_0, t, schedule):
    of_x_0, of_x_t = md.posterior_weights(schedule)
    return of_x_0[t] * x_0 + of_x_t[t] * x_t, schedule.beta_tilde[t]


# ---- 03 --------------------------------------------------------------------------------------


@answers("ema_update")
def late_in_training(ema_net, net, decay):
    average = EMA(ema_net, decay)
    average.net = ema_net
    average.update(net, 10**9)


def with_weights(made, block):
    for name, module in block.items():
        setattr(made, name, module)
    return made


def channels(block):
    return block["conv1"].in_channels, block["conv1"].out_channels, 3


@answers("resnet_block")
def block_of_the_library(x, c, block):
    return with_weights(ResBlock(*channels(block), groups=1), block)(x, c)


@answers("resnet_block")
def stage_of_the_library(x, c, block):
    stage = Stage(*channels(block), attention=False, groups=1, heads=1, dropout=0)
    with_weights(stage.res, block)
    return stage(x, c)


@answers("simple_loss")
def loss(eps_model, x_0, t, noise, schedule):
    return md.simple_loss(eps_model, x_0, schedule, t=t, noise=noise)


@answers("simple_loss")
def loss_without_the_bound(eps_model, x_0, t, noise, schedule):
    def net(x, t):
        eps = eps_model(x, t)
        return torch.cat([eps, torch.zeros_like(eps)], dim=1)

    options = {"t": t, "noise": noise, "vlb_weight": 0.0, "likelihood": "density"}
    return md.hybrid_loss(net, x_0, schedule, **options)


@answers("time_embedding")
def sinusoids(t, dim):
    return md.sinusoidal_embedding(t, dim)


@answers("time_embedding")
def without_the_layers(t, dim):
    embedding = md.nn.ConditionEmbedding(dim, 1)
    embedding.label = None
    embedding.mlp.forward = lambda emb: emb
    return embedding(t, None)


# ---- 04 --------------------------------------------------------------------------------------


@answers("ddim_step")
def deterministic_step(eps, x_t, t, s, schedule):
    return md.sample_step(eps, x_t, t, s, schedule, eta=0.0)[0]


def second(states):
    next(states)
    return next(states)


@answers("ddim_step")
def of_the_loop(eps, x_t, t, s, schedule):
    times = [t, s, 0] if s else [t, 0]
    steps = md.sampling_steps(lambda x, t: eps, schedule, x_T=x_t, times=times, eta=0.0)
    return second(steps).x


@answers("ddim_step")
def of_another_loop(eps, x_t, t, s, schedule):
    times = [t, s, 0] if s else [t, 0]
    options = {"solver": "ddim", "x_T": x_t, "times": times}
    return second(md.solver_steps(lambda x, t: eps, schedule, **options)).x


@answers("ddim_step")
def of_a_walk_over_real_times(eps, x_t, t, s, schedule):
    return second(solve(lambda x, t: eps, schedule, [t, s], x_t, "ddim")).x


@answers("ddpm_step")
def step(eps, x_t, t, schedule, z):
    return md.sample_step(eps, x_t, t, t - 1, schedule, noise=z)[0]


@answers("predict_x0")
def converted(x_t, t, eps, schedule):
    return md.x0_from_eps(x_t, eps, t, schedule)


@answers("predict_x0")
def by_name(x_t, t, eps, schedule):
    return md.convert(eps, x_t, t, schedule, source="eps", target="x0")


@answers("predict_x0")
def by_v(x_t, t, eps, schedule):
    return md.x0_from_v(x_t, md.v_from_eps(x_t, eps, t, schedule), t, schedule)


@answers("predict_x0")
def by_score(x_t, t, eps, schedule):
    return md.x0_from_score(x_t, md.score_from_eps(x_t, eps, t, schedule), t, schedule)


@answers("predict_x0")
def guess_of_the_loop(x_t, t, eps, schedule):
    return md.ddim_sample(lambda x, t: eps, schedule, x_T=x_t, steps=None, times=[t, 0])


@answers("times_list")
def times(T, steps):
    return md.sampling_times(T, steps)


@answers("times_list")
def times_of_the_loop(T, steps):
    schedule = md.NoiseSchedule([0.01] * T)
    walk = md.sampling_steps(lambda x, t: x, schedule, (1, 1), steps=steps, generator=md.seeded(0))
    return [state.t for state in walk]


# ---- 05 --------------------------------------------------------------------------------------


@answers("classifier_eps")
def guided_by_a_line(eps, gradient, t, schedule, s):
    def classifier(x, t):
        slope = (gradient * x).flatten(1).sum(1)  # log p(y=0) has this gradient where p is small
        return torch.stack([slope - 60, torch.zeros_like(slope)], dim=1)

    return md.classifier_guidance(lambda x, t: eps, classifier, 0, s, schedule)(eps, t)


@answers("classifier_eps")
def moved_mean(eps, gradient, t, schedule, s):
    variance = -(1 - schedule.alpha_bar[t]).sqrt().reshape(-1, 1, 1, 1).float()
    return md.shifted_mean(eps, variance, gradient, s)


@answers("guided_eps")
def guided(net, x_t, t, y, w):
    return md.classifier_free_guidance(net, y, w)(x_t, t)


class Told(torch.nn.Module):
    """Says one thing of a label and another without."""

    null_label = 1

    def __init__(self, conditional, unconditional):
        super().__init__()
        self.pair = conditional, unconditional

    def forward(self, x, t, y):
        return torch.cat(self.pair)


@answers("rescaled_eps")
def rescaled(guided, conditional, phi):
    net = Told(conditional, 2 * conditional - guided)
    return md.classifier_free_guidance(net, 0, 1.0, rescale=phi)(guided, 1)


# ---- 06 --------------------------------------------------------------------------------------


@answers("euler_step")
def flow(velocity, x, t, h):
    return list(md.flow.flow_steps(lambda x, t: velocity(x, float(t[0])), x, times=[t, t + h]))[
        -1
    ].x


@answers("euler_step")
def flow_in_its_own_time(velocity, x, t, h):
    return md.flow.sample(lambda x, _: h * velocity(x, t), noise=x, steps=1)


@answers("euler_step")
def pairs(velocity, x, t, h):
    return md.flow.reflow_pairs(lambda x, _: h * velocity(x, t), x, 1)[1]


@answers("heun_step")
def flow_by_heun(velocity, x, t, s):
    def asked(x, t):
        return velocity(x, float(t[0]))

    return list(md.flow.flow_steps(asked, x, times=[t, s], solver="heun"))[-1].x


@answers("flow_pair")
def path(noise, data, t):
    return md.flow.on_path(noise, data, t)


@answers("flow_pair")
def seen_by_a_flow(noise, data, t):
    x_t, _ = caught(lambda net: md.flow.matching_loss(net, data, noise=noise, t=t))
    return x_t, data - noise


@answers("ot_pairs")
def coupling(noise, data):
    return noise[md.flow.ot_coupling(noise, data)]


@answers("ot_pairs")
def seen_at_the_start(noise, data):
    start = torch.zeros(len(data))
    return caught(
        lambda net: md.flow.matching_loss(net, data, noise=noise, t=start, coupling="ot")
    )[0]


@pytest.mark.filterwarnings("ignore")  # made-up schedules and networks are warned about
@pytest.mark.parametrize(("name", "function"), BORROWED)
def test_borrowed_answers_are_refused(name, function):
    exercise = load(FILES[name])
    in_reach = copy.copy(exercise)
    in_reach.practice = True
    feedback = climb(in_reach, function)
    assert feedback.passed, str(feedback)
    feedback = climb(exercise, function)
    assert "library's own version" in feedback.message, str(feedback)
