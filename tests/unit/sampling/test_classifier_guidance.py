"""Guidance by a classifier: exact where the classifier is exact, and the paper's two forms compared."""

import math
from itertools import pairwise

import pytest
import torch

import minidiff as md

F64 = torch.float64
S = md.linear_schedule()
MEANS = torch.tensor([[-1.5, 0.0], [1.5, 0.5], [0.0, 2.0], [0.3, -1.7]], dtype=F64)
STD = torch.tensor([0.3, 0.4, 0.2, 0.5], dtype=F64)
WEIGHTS = torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=F64)
LABELS = torch.tensor([0, 1, 0, 1])
ALL = md.exact.mixture(MEANS, STD, WEIGHTS, S)


def gen(seed):
    return torch.Generator().manual_seed(seed)


def points(n=50, seed=0):
    return 2 * torch.randn(n, 2, generator=gen(seed), dtype=F64)


@pytest.mark.parametrize("t", [1, 50, 400, 1000])
@pytest.mark.parametrize("label", [0, 1])
def test_with_the_true_classifier_it_is_the_conditional_score(t, label):
    of_label = label == LABELS
    conditional = md.exact.mixture(MEANS[of_label], STD[of_label], WEIGHTS[of_label], S)
    guided = md.classifier_guidance(ALL, md.exact.classifier(ALL, LABELS), label, 1.0, S)
    torch.testing.assert_close(guided(points(), t), conditional(points(), t), atol=1e-6, rtol=0)


def test_each_example_has_its_own_label_and_time():
    x = points(4)
    t, y = torch.tensor([3, 200, 700, 1000]), torch.tensor([0, 1, 1, 0])
    classifier = md.exact.classifier(ALL, LABELS)
    together = md.classifier_guidance(ALL, classifier, y, 1.7, S)(x, t)
    for i in range(4):
        alone = md.classifier_guidance(ALL, classifier, int(y[i]), 1.7, S)(x[i : i + 1], int(t[i]))
        torch.testing.assert_close(together[i : i + 1], alone)


def test_without_scale_nothing_is_guided_and_twice_the_scale_moves_twice_as_far():
    classifier = md.exact.classifier(ALL, LABELS)
    plain = ALL(points(), 300)
    moves = [
        md.classifier_guidance(ALL, classifier, 1, s, S)(points(), 300) - plain for s in (0, 1, 2)
    ]
    assert not moves[0].any()
    torch.testing.assert_close(moves[2], 2 * moves[1])


def test_probabilities_of_the_labels_are_bayes_rule():
    x, t = points(), 100
    alpha_bar = float(S.alpha_bar[t])
    densities = torch.stack(
        [
            w
            * torch.distributions.MultivariateNormal(
                math.sqrt(alpha_bar) * m,
                (alpha_bar * s**2 + 1 - alpha_bar) * torch.eye(2, dtype=F64),
            )
            .log_prob(x)
            .exp()
            for m, s, w in zip(MEANS, STD, WEIGHTS, strict=True)
        ],
        dim=1,
    )
    joint = torch.stack([densities[:, label == LABELS].sum(1) for label in (0, 1)], dim=1)
    expected = joint / joint.sum(1, keepdim=True)
    torch.testing.assert_close(md.exact.classifier(ALL, LABELS)(x, t).exp(), expected)
    torch.testing.assert_close(
        ALL.log_shares(x, t).exp(), densities / densities.sum(1, keepdim=True)
    )


def test_the_gradient_is_each_examples_own_whatever_the_batch():
    classifier = md.exact.classifier(ALL, LABELS)
    x = points(8)
    together = md.classifier_gradient(classifier, x, 200, 1)
    alone = torch.cat([md.classifier_gradient(classifier, x[i : i + 1], 200, 1) for i in range(8)])
    torch.testing.assert_close(together, alone)
    step = 1e-5
    for axis in range(2):
        nudge = torch.zeros(2, dtype=F64)
        nudge[axis] = step
        difference = classifier(x + nudge, 200)[:, 1] - classifier(x - nudge, 200)[:, 1]
        torch.testing.assert_close(together[:, axis], difference / (2 * step), atol=1e-6, rtol=1e-5)


def test_the_gradient_is_found_where_gradients_are_switched_off():
    classifier = md.exact.classifier(ALL, LABELS)
    with torch.no_grad():
        gradient = md.classifier_gradient(classifier, points(), 200, 1)
    assert gradient.any()
    assert not gradient.requires_grad


def test_sampling_with_it_draws_the_label_asked_for():
    guided = md.classifier_guidance(ALL, md.exact.classifier(ALL, LABELS), 1, 1.0, S)
    x = md.ddim_sample(guided, S, (400, 2), generator=gen(0), dtype=F64)
    nearest = torch.cdist(x, MEANS).argmin(1)
    assert (LABELS[nearest] == 1).double().mean() > 0.97
    share = (nearest == 1).double().mean()  # within the label as the weights say: 0.4 to 0.2
    assert 0.55 < float(share) < 0.78


def test_the_papers_shifted_mean_and_the_slides_eps_agree_where_steps_are_small():
    """The means of one DDPM step, large variance: their difference is of second order in beta."""
    classifier = md.exact.classifier(ALL, LABELS)
    apart = []
    for T in (500, 1000, 2000):
        s = md.linear_schedule(T, rescale=True)
        model = md.exact.mixture(MEANS, STD, WEIGHTS, s)
        t = T // 4
        x = points()
        alone = md.exact.classifier(model, LABELS)
        gradient = md.classifier_gradient(alone, x, t, 1)
        mean, _ = md.q_posterior(x, md.x0_from_eps(x, model(x, t), t, s), t, s)
        guided = md.classifier_guidance(model, alone, 1, 1.0, s)(x, t)
        by_eps, _ = md.q_posterior(x, md.x0_from_eps(x, guided, t, s), t, s)
        by_mean = md.shifted_mean(mean, s.beta[t], gradient, 1.0)
        apart.append(float((by_eps - by_mean).abs().max()))
    assert classifier(points(), 5).shape == (50, 2)
    for coarse, fine in pairwise(apart):
        assert 3.5 < coarse / fine < 4.5


def test_the_loss_of_a_noisy_classifier_is_its_cross_entropy():
    x_0, y = points(6), torch.tensor([0, 1, 0, 1, 1, 0])
    t = torch.tensor([1, 100, 300, 500, 800, 1000])
    noise = torch.randn(6, 2, generator=gen(1), dtype=F64)
    classifier = md.exact.classifier(ALL, LABELS)
    found = md.noisy_classifier_loss(classifier, x_0, S, y, t=t, noise=noise)
    log_p = classifier(md.q_sample(x_0, t, S, noise=noise), t)
    expected = -sum(float(log_p[i, y[i]]) for i in range(6)) / 6
    assert float(found) == pytest.approx(expected)


def test_a_noisy_classifier_learns_to_read_and_to_doubt():
    schedule = md.linear_schedule(50, rescale=True)
    images, labels = md.data.load("digits", classes=[0, 1], size=8)
    net = md.NoisyClassifier(1, 2, width=8, multipliers=(1, 2), dropout=0.0)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    generator = gen(0)
    for _ in range(60):
        row = torch.randint(len(images), (64,), generator=generator)
        x_0, y = images[row], labels[row]
        loss = md.noisy_classifier_loss(net, x_0, schedule, y, generator=generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    held, truth = md.data.load("digits", "heldout", classes=[0, 1], size=8)
    with torch.no_grad():
        clear = net(md.q_sample(held, 3, schedule, generator=generator), 3)
        lost = net(md.q_sample(held, 50, schedule, generator=generator), 50)
    assert (clear.argmax(1) == truth).float().mean() > 0.95
    assert clear.softmax(1).max(1).values.mean() > lost.softmax(1).max(1).values.mean() + 0.1


def test_a_noisy_classifier_sees_the_time_and_takes_any_size_that_halves():
    net = md.NoisyClassifier(3, 5, width=8, multipliers=(1, 2, 2)).eval()
    with torch.no_grad():
        for weight in net.parameters():  # some are 0 at first, and hide the time
            weight += 0.1 * torch.randn(weight.shape, generator=gen(1))
    x = torch.randn(2, 3, 12, 8, generator=gen(0))
    assert net(x, 5).shape == (2, 5)
    assert not torch.allclose(net(x, 5), net(x, 900))
    again = md.NoisyClassifier(**net.config)
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(x, 5), net(x, 5))
