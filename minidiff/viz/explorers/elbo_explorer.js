// elbo_explorer: the terms of the ELBO for Gaussian data and the exact denoiser, and their weights.

Object.assign(NAMES, {
  term_t: 'L<sub>t−1</sub>, bits', lambda_t: 'λ<sub>t</sub>', share_elbo: 'up to t, ELBO', share_simple: 'up to t, simple',
  negative_elbo: '−ELBO, bits', gap: 'above entropy',
});
Object.assign(SPOKEN, {
  term_t: 'L t minus 1, bits per entry', lambda_t: 'lambda t', share_elbo: 'share of the errors up to t, weighted as in the ELBO',
  share_simple: 'share of the errors up to t, weighted as in L simple', negative_elbo: 'minus ELBO, bits per entry',
  gap: 'bits above the entropy of the data',
});

// d - log(1 + d), for the KL of two Gaussians whose variances are 1 + d apart: 0 at 0.
const excess = (d) => d - Math.log1p(d);
const percent = (share) => (100 * share).toFixed(1) + ' %';

// All terms in bits for one entry of x_0; every formula is the closed form for x_0 ~ N(0, s²).
function compute(v) {
  const { T, beta, alphaBar, snr } = rescaledSchedule(v.schedule, v.T);
  const posterior = (t) => (1 - alphaBar[t - 1]) / (1 - alphaBar[t]) * beta[t];
  const sigma2 = (t) => v.variance === 'large' ? beta[t] : posterior(Math.max(t, 2));
  const spread = (t) => alphaBar[t] * v.std * v.std + 1 - alphaBar[t];  // variance of x_t
  const terms = new Float64Array(T + 1), avoidable = new Float64Array(T + 1), weights = new Float64Array(T + 1);
  const shareElbo = new Float64Array(T + 1), shareSimple = new Float64Array(T + 1);
  let total = (alphaBar[T] * (v.std * v.std - 1) - Math.log1p(-alphaBar[T])) / 2;  // L_T
  for (let t = 1; t <= T; t++) {
    const w = Math.sqrt(alphaBar[t - 1]) * beta[t] / (1 - alphaBar[t]), s2 = sigma2(t);
    const error = v.std * v.std * alphaBar[t] / spread(t);  // of the noise; times 1 / snr it is that of x_0
    weights[t] = w * w / (2 * s2) / snr[t];
    const constant = t === 1 ? Math.log(2 * Math.PI * s2) / 2 : excess(posterior(t) / s2 - 1) / 2;
    terms[t] = (constant + weights[t] * error) / Math.LN2;
    avoidable[t] = excess(beta[t] * spread(t - 1) / spread(t) / s2 - 1) / 2 / Math.LN2;
    shareElbo[t] = shareElbo[t - 1] + weights[t] * error;
    shareSimple[t] = shareSimple[t - 1] + error;
    total += terms[t] * Math.LN2;
  }
  for (let t = 1; t <= T; t++) { shareElbo[t] /= shareElbo[T]; shareSimple[t] /= shareSimple[T]; }
  const entropy = Math.log(2 * Math.PI * Math.E * v.std * v.std) / 2;
  return { T, terms, avoidable, weights, shareElbo, shareSimple, minusElbo: total / Math.LN2, gap: (total - entropy) / Math.LN2 };
}

function build(root, data) {
  head(root, 'explorer of the ELBO', 'Explore the ELBO',
    'Normally distributed data and a perfect denoiser: all that is lost is lost by the chain itself. Move t with its slider, or press on a curve. Dashed grey line: where you started.');

  const panel = add(root, 'div', { class: 'mdw-controls' }), controls = {};
  controls.schedule = choice(panel, 'schedule', 'Schedule', [['linear', 'linear'], ['cosine', 'cosine']], update);
  controls.variance = choice(panel, 'variance', 'Variance of a step back', [['small', 'small'], ['large', 'large']], update);
  controls.axes = choice(panel, 'axes', 'Axes', [['log', 'logarithmic'], ['linear', 'linear']], update);
  controls.T = slider(panel, 'T', 'Number of steps T', 'number of steps T', data.values.T, (T) => { controls.t.stretch(T); update(); });
  controls.std = slider(panel, 'std', 'Standard deviation s of the data', 'standard deviation of the data', data.values.std, update);
  button(add(panel, 'div'), 'Reset', reset);

  const plots = add(root, 'div', { class: 'mdw-plots' });
  const onPick = (fraction) => {
    const T = controls.T.value, t = controls.axes.value === 'log' ? T ** fraction : 1 + fraction * (T - 1);
    controls.t.value = Math.round(t);
    update();
  };
  const termPlot = new Plot(plots, { title: 'What a step costs, in bits',
    keys: [['mdw-a', 'L<sub>t−1</sub>'], ['mdw-b', 'of it by a wrong variance']], onPick });
  const weightPlot = new Plot(plots, { title: 'Weight of the squared error',
    keys: [['mdw-a', 'ELBO: λ<sub>t</sub>'], ['mdw-c', 'simple: 1']], onPick });
  const sharePlot = new Plot(plots, { title: 'Share of all errors up to t',
    keys: [['mdw-a', 'weighted by λ<sub>t</sub>'], ['mdw-c', 'by 1']], onPick });
  controls.t = slider(root, 't', 'Time t', 'time t', null, update);
  controls.t.input.min = 1;
  const numbers = tiles(root, ['term_t', 'lambda_t', 'share_elbo', 'share_simple', 'negative_elbo', 'gap']);
  const say = sentence(root);

  const first = compute(data.state);
  let found = first;

  function reset() { setAll(controls, data.state); update(); }

  function update() {
    const values = valuesOf(controls), t = values.t;
    found = compute(values);
    const texts = { term_t: number(found.terms[t]), lambda_t: number(found.weights[t]), share_elbo: percent(found.shareElbo[t]),
      share_simple: percent(found.shareSimple[t]), negative_elbo: number(found.minusElbo), gap: Math.max(found.gap, 0).toFixed(5) };
    numbers.set(texts);
    say((t === 1 ? 'The last step to the data, L₀,' : 'The step from t = ' + t + ' to ' + (t - 1)) + ' costs ' + texts.term_t +
      ' bits per entry. Of all squared errors, ' + texts.share_elbo + ' lie up to t = ' + t + ' with the weights of the ELBO, ' +
      texts.share_simple + ' with those of the simple loss. The whole −ELBO is ' + texts.gap +
      ' bits more than the data’s entropy, the least that is possible. The axes are ' + (values.axes === 'log' ? 'logarithmic' : 'linear') + '.');
    draw();
  }

  function draw() {
    const t = controls.t.value, T = found.T, log = controls.axes.value === 'log';
    const along = (i) => log ? Math.log10(i) : i, share = (node, y) => { node.textContent = Math.round(100 * y) + ' %'; };
    const xTicks = log ? [1, 10, 100, 1000].filter((x) => x <= T).map((x) => tick(Math.log10(x), x)) : termPlot.times(T).slice(1);

    // On a logarithmic axis, times that lie in equal ratios are drawn: all of the first ones, few of the last.
    function line(plot, map, kind, y, start) {
      const last = Math.min(T, y.length - 1), times = [];
      for (let i = start; i <= last; i = log ? Math.max(i + 1, Math.round(i * 1.02)) : i + 1) times.push(i);
      if (times[times.length - 1] !== last) times.push(last);
      plot.curve(map, kind, times.map((i) => y[i]), 0, (j) => along(times[j]));
    }

    function show(plot, curves, start, low, high, ticks, format) {
      const map = plot.axes(along(1), along(T), xTicks, low, high, ticks, format, 't');
      plot.cursor(map, along(t));
      for (const [kind, y] of curves) line(plot, map, kind, y, start);
      for (const [kind, y] of curves) if (kind !== 'mdw-ghost' && t >= start) plot.dot(map, kind, along(t), y[t]);
    }

    // Curves of positive numbers: logarithms between powers of ten, or the numbers from 0 on.
    function positive(plot, curves, start, lowest) {
      if (!log) {
        const ticks = niceTicks(0, Math.max(...curves.filter(([kind]) => kind !== 'mdw-ghost').map(([, y]) => Math.max(...y.slice(start)))));
        return show(plot, curves, start, 0, ticks[ticks.length - 1], ticks, plain);
      }
      const logs = curves.map(([kind, y]) => [kind, Array.from(y, Math.log10)]), own = logs[logs.length - 1][1].slice(start);
      const high = Math.ceil(Math.max(0, ...own)), low = Math.max(lowest, Math.floor(Math.min(-1, ...own)));
      return show(plot, logs, start, low, high, powersWithin(low, high), power);
    }

    positive(termPlot, [['mdw-ghost', first.terms], ['mdw-b', found.avoidable], ['mdw-a', found.terms]], 2, -9);
    termPlot.svg.setAttribute('aria-label', 'Curve of the cost of a step over t: ' + number(found.terms[2]) + ' bits at t = 2, ' + number(found.terms[T]) + ' at T = ' + T);
    const ones = new Float64Array(T + 1).fill(1);
    positive(weightPlot, [['mdw-ghost', first.weights], ['mdw-c', ones], ['mdw-a', found.weights]], 1, -9);
    weightPlot.svg.setAttribute('aria-label', 'Curve of lambda t over t: ' + number(found.weights[1]) + ' at t = 1, ' + number(found.weights[T]) + ' at T = ' + T + '; L simple has 1 everywhere');
    show(sharePlot, [['mdw-c', found.shareSimple], ['mdw-a', found.shareElbo]], 1, 0, 1, [0, 0.25, 0.5, 0.75, 1], share);
    sharePlot.svg.setAttribute('aria-label', 'Two curves over t, the share of all errors up to t: half is reached at t = ' +
      found.shareElbo.findIndex((s) => s >= 0.5) + ' with the weights of the ELBO, at t = ' + found.shareSimple.findIndex((s) => s >= 0.5) + ' with equal weights');
  }

  reset();
  whenResized(root, draw);
}
