// posterior_explorer: one step back in one dimension, as prior times likelihood.

Object.assign(NAMES, {
  prior_mean: 'prior mean', prior_variance: 'prior variance', likelihood_mean: 'likelihood peak',
  likelihood_variance: 'likelihood variance', mu_tilde: 'μ̃<sub>t</sub>', beta_tilde: 'β̃<sub>t</sub>', eps: 'ε',
});
Object.assign(SPOKEN, {
  likelihood_mean: 'place of the likelihood’s peak', likelihood_variance: 'variance of the likelihood’s shape',
  mu_tilde: 'posterior mean, mu tilde t', beta_tilde: 'posterior variance, beta tilde t',
  eps: 'noise epsilon that leads from x 0 to x t',
});

// The prior, the likelihood as a function of x at t - 1, and their product by q_posterior's formula.
function gaussians(table, t, x0, xt) {
  const beta = table.beta[t], alpha = 1 - beta, left = table.alphaBar[t], before = table.alphaBar[t - 1];
  return {
    prior: { mean: Math.sqrt(before) * x0, variance: 1 - before },
    likelihood: { mean: xt / Math.sqrt(alpha), variance: beta / alpha },
    posterior: {
      mean: Math.sqrt(before) * beta / (1 - left) * x0 + Math.sqrt(alpha) * (1 - before) / (1 - left) * xt,
      variance: (1 - before) / (1 - left) * beta,
    },
    eps: (xt - Math.sqrt(left) * x0) / Math.sqrt(1 - left),
  };
}

const peak = (g) => 1 / Math.sqrt(2 * Math.PI * g.variance);

// A few round numbers within an interval; short ones, for they stand side by side.
function ticksWithin(low, high, most) {
  const step = niceStep((high - low) / most, [1, 2, 5, 10]), ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(Number((k * step).toPrecision(6)));
  return ticks;
}

function build(root, data) {
  head(root, 'explorer of the forward-process posterior', 'One step back, for one pixel',
    'The pixel was x₀ at the start and is xₜ now. Where was it one step ago? Move the sliders; the linear schedule is rescaled to each T.');

  const panel = add(root, 'div', { class: 'mdw-controls' }), controls = {};
  controls.schedule = choice(panel, 'schedule', 'Schedule', [['linear', 'linear'], ['cosine', 'cosine']], update);
  controls.T = choice(panel, 'T', 'Number of steps T', data.T.map((T) => [String(T), String(T)]), (T) => { controls.t.stretch(Number(T)); update(); });
  controls.t = slider(panel, 't', 'Time t', 'time t', null, update);
  controls.t.input.min = 1;
  controls.x_0 = slider(panel, 'x_0', 'Clean pixel x<sub>0</sub>', 'clean pixel x 0', data.values.x_0, update);
  controls.x_t = slider(panel, 'x_t', 'Noisy pixel x<sub>t</sub>', 'noisy pixel x t', data.values.x_t, update);
  button(add(panel, 'div'), 'Reset', reset);

  const stage = add(root, 'div', { class: 'mdw-stage' }), pair = add(stage, 'div', { class: 'mdw-pair' });
  const far = new Plot(pair, { title: 'Densities over x<sub>t−1</sub>',
    keys: [['mdw-c', 'prior q(x<sub>t−1</sub> | x<sub>0</sub>)'], ['mdw-b', 'likelihood q(x<sub>t</sub> | x<sub>t−1</sub>), scaled'],
      ['mdw-a', 'posterior q(x<sub>t−1</sub> | x<sub>t</sub>, x<sub>0</sub>)']] });
  const near = new Plot(pair, { title: 'The same, close to the posterior' });
  const numbers = tiles(root, ['prior_mean', 'prior_variance', 'likelihood_mean', 'likelihood_variance', 'mu_tilde', 'beta_tilde', 'eps']);
  const say = sentence(root);
  let now;

  function reset() { setAll(controls, data.state); update(); }

  function update() {
    const { schedule, T, t, x_0, x_t } = valuesOf(controls);
    now = gaussians(rescaledSchedule(schedule, Number(T)), t, x_0, x_t);
    const { prior, likelihood, posterior, eps } = now, rare = Math.abs(eps) > data.rare;
    numbers.set({ prior_mean: number(prior.mean), prior_variance: number(prior.variance), likelihood_mean: number(likelihood.mean),
      likelihood_variance: number(likelihood.variance), mu_tilde: number(posterior.mean), beta_tilde: number(posterior.variance), eps: number(eps) });
    const way = (100 * prior.variance / (prior.variance + likelihood.variance)).toFixed(1);
    say((t === 1 ? 't = 1: one step back is x₀ itself, whatever xₜ is. Nothing is left to draw.'
      : 'The posterior mean lies ' + way + ' % of the way from the prior’s mean to the likelihood’s peak: the narrower of the two has more say.') +
      (rare ? ' (From this x₀ such an xₜ is rare: it takes noise of ε = ' + number(eps) + '.)' : ''), rare ? 'warn' : '');
    draw();
  }

  function draw() {
    const { likelihood, posterior } = now;
    // At t = 1 prior and posterior have no width; the likelihood then gives the scale.
    const scale = posterior.variance ? posterior : likelihood, reach = 5 * Math.sqrt(scale.variance);
    // Room above the highest curve, for the names of the two marks.
    const ticks = niceTicks(0, 1.25 * peak(scale));
    plotOn(far, -4, 4, [-4, -2, 0, 2, 4], ticks);
    const low = posterior.mean - reach, high = posterior.mean + reach;
    plotOn(near, low, high, ticksWithin(low, high, near.figure.clientWidth < 320 ? 3 : 5), ticks);
  }

  function plotOn(plot, low, high, xTicks, yTicks) {
    const top = yTicks[yTicks.length - 1];
    const map = plot.axes(low, high, xTicks, 0, top, yTicks, plain, 'x at t − 1');
    // The two ends of the walk as marks: below one another, for they may coincide.
    [['0', controls.x_0.value], ['t', controls.x_t.value]].forEach(([name, x], row) => {
      if (x < low || x > high) return;
      add(plot.svg, 'path', { class: 'mdw-level', d: 'M' + map.X(x) + ' 8V' + map.Y(0) });
      const end = map.X(x) > map.X(high) - 18;
      const label = add(plot.svg, 'text', { x: map.X(x) + (end ? -4 : 4), y: 18 + 14 * row, 'text-anchor': end ? 'end' : 'start' }, 'x');
      add(label, 'tspan', { dy: 3, 'font-size': 9 }, name);
    });
    for (const [kind, name] of [['mdw-c', 'prior'], ['mdw-b', 'likelihood'], ['mdw-a', 'posterior']]) {
      const g = now[name], wide = 5 * Math.sqrt(g.variance);
      if (!g.variance) {
        if (g.mean >= low && g.mean <= high) add(plot.svg, 'path', { class: 'mdw-curve ' + kind, d: 'M' + map.X(g.mean) + ' ' + map.Y(0) + 'V' + map.Y(top) });
        continue;
      }
      // Each curve has a grid of its own: one for all would step over a narrow peak.
      const from = Math.max(low, g.mean - wide), to = Math.min(high, g.mean + wide), n = 240;
      if (from >= to) continue;
      const x = (i) => from + (to - from) * i / n;
      plot.curve(map, kind, Float64Array.from({ length: n + 1 }, (_, i) => peak(g) * Math.exp(-((x(i) - g.mean) ** 2) / (2 * g.variance))), 0, x);
    }
    const words = (name) => name + ' with mean ' + number(now[name].mean) + ' and variance ' + number(now[name].variance);
    plot.svg.setAttribute('aria-label', 'Curves over x at t minus 1, from ' + number(low) + ' to ' + number(high) + ': ' + ['prior', 'likelihood', 'posterior'].map(words).join('; '));
  }

  reset();
  whenResized(root, draw);
}
