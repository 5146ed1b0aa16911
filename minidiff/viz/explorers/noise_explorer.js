// noise_explorer: a picture turns into noise, by the chain, straight, or under two schedules.

Object.assign(NAMES, { mean: 'mean of x<sub>t</sub>', std: 'std of x<sub>t</sub>' });
Object.assign(SPOKEN, { mean: 'mean of the pixels of x t', std: 'standard deviation of the pixels of x t' });

// x_0, x_1, ... of one chain. Every 50th state is kept, so that going back costs at most 50 steps.
class Chain {
  constructor(x0, table, seed) { Object.assign(this, { table, seed, kept: [x0], t: 0, x: x0 }); }
  at(t) {
    const k = Math.min(Math.floor(t / 50), this.kept.length - 1);
    if (t < this.t || this.t < 50 * k) { this.t = 50 * k; this.x = this.kept[k]; }
    while (this.t < t) {
      const beta = this.table.beta[++this.t];
      this.x = combine(Math.sqrt(1 - beta), this.x, Math.sqrt(beta), normals(this.seed, this.t, this.x.length));
      if (this.t === 50 * this.kept.length) this.kept.push(this.x);
    }
    return this.x;
  }
}

function statistics(x) {
  const mean = x.reduce((a, v) => a + v, 0) / x.length;
  return { mean, std: Math.sqrt(x.reduce((a, v) => a + (v - mean) ** 2, 0) / x.length) };
}

function drawHistogram(plot, x) {
  const bins = 28, wide = 7 / bins, density = new Float64Array(bins);
  for (const v of x) {
    const k = Math.floor((v + 3.5) / wide);
    if (k >= 0 && k < bins) density[k] += 1 / (x.length * wide);
  }
  const ticks = niceTicks(0, Math.max(0.45, ...density)), top = ticks[ticks.length - 1];
  const map = plot.axes(-3.5, 3.5, [-3, -2, -1, 0, 1, 2, 3], 0, top, ticks, plain, 'value of a pixel');
  density.forEach((d, k) => {
    if (d) add(plot.svg, 'rect', { class: 'mdw-bar', x: map.X(-3.5 + k * wide) + 0.5, width: map.X(wide) - map.X(0) - 1, y: map.Y(d), height: map.Y(0) - map.Y(d) });
  });
  const normal = Float64Array.from({ length: 71 }, (_, i) => Math.exp(-((i / 10 - 3.5) ** 2) / 2) / Math.sqrt(2 * Math.PI));
  plot.curve(map, 'mdw-ghost', normal, 0, (i) => i / 10 - 3.5);
  const { mean, std } = statistics(x);
  plot.svg.setAttribute('aria-label', 'Histogram of the pixels: mean ' + mean.toFixed(3) + ', standard deviation ' + std.toFixed(3) + '; dashed, the standard normal density');
}

function build(root, data) {
  const { T, seed } = data, size = data.width * data.height, noise = normals(seed, 0, size), pictures = picturesOf(data);
  const tables = { linear: linear(T, data.beta_1, data.beta_T), cosine: cosine(T, data.s) };
  const histogram = { title: 'Pixels of x<sub>t</sub>', keys: [['mdw-ghost', 'standard normal']] };

  // A canvas with a caption below it; the two outputs of set() are painted and written.
  function tile(parent, html) {
    const figure = add(parent, 'div', { class: 'mdw-image' }), area = canvasOf(figure, data);
    const caption = add(figure, 'div', { class: 'mdw-cap', 'aria-hidden': 'true' });
    add(caption, 'b', { html });
    const factor = add(caption, 'span', {});
    return (x, label, text) => { paint(area, x, label); factor.innerHTML = text || '&nbsp;'; };
  }
  const sign = (parent, text) => add(parent, 'div', { class: 'mdw-op', 'aria-hidden': 'true' }, text);

  head(root, 'explorer of the forward process', 'Turn a picture into noise',
    'Pick a picture and a view, then move t. Values beyond ±1 are drawn black or white.');

  // ---- controls ----
  const panel = add(root, 'div', { class: 'mdw-rows' }), controls = {};
  controls.picture = pictureChoice(panel, data, pictures, restart);
  const pair = add(panel, 'div', { class: 'mdw-groups' });
  controls.view = choice(pair, 'view', 'View', [['chain', 'step by step'], ['straight', 'straight to t'], ['compare', 'linear against cosine']], update);
  controls.schedule = choice(pair, 'schedule', 'Schedule', [['linear', 'linear'], ['cosine', 'cosine']], restart);
  const time = add(root, 'div', { class: 'mdw-time' });
  controls.t = slider(time, 't', 'Time t', 'time t', null, () => { stop(); update(); });
  controls.t.max = T;
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  const back = button(buttons, 'Step back', () => { stop(); go(controls.t.value - 1); });
  const next = button(buttons, 'Step', () => { stop(); go(controls.t.value + 1); });
  const stop = player(buttons, () => say, () => { if (controls.t.value >= T) controls.t.value = 0; }, () => {
    go(controls.t.value + strideOf(T));
    return controls.t.value < T;
  });

  // ---- one schedule: an equation of pictures and the histogram of its result ----
  const single = add(root, 'div', { class: 'mdw-stage' });
  const equations = {};
  for (const [view, before, noisy] of [['chain', 'x<sub>t−1</sub>', 'z<sub>t</sub>'], ['straight', 'x<sub>0</sub>', 'ε']]) {
    const box = add(single, 'div', { class: 'mdw-equation' });
    equations[view] = { box, from: tile(box, before), plus: sign(box, '+'), noise: tile(box, noisy), equals: sign(box, '='), to: tile(box, 'x<sub>t</sub>') };
  }
  const side = add(single, 'div', { class: 'mdw-side' }), sidePlot = new Plot(side, histogram);
  const numbers = tiles(root, ['beta_t', 'alpha_bar_t', 'sqrt_alpha_bar_t', 'sqrt_one_minus_alpha_bar_t', 'snr_t', 'mean', 'std']);

  // ---- both schedules, with the same noise ----
  const both = add(root, 'div', { class: 'mdw-stage' }), grid = add(both, 'div', { class: 'mdw-pair' });
  const halves = ['linear', 'cosine'].map((name) => {
    const half = add(grid, 'div', { role: 'group', 'aria-label': name + ' schedule' });
    const top = add(half, 'div', { class: 'mdw-half' }), show = tile(top, name), plot = new Plot(add(top, 'div', { class: 'mdw-side' }), histogram);
    return { name, show, plot, film: filmstrip(half, data, 7), numbers: tiles(half, ['alpha_bar_t', 'sqrt_alpha_bar_t', 'sqrt_one_minus_alpha_bar_t', 'snr_t', 'mean', 'std'], name) };
  });
  const say = sentence(root);
  let chain;

  function restart() {
    const x0 = pictures[Number(controls.picture.value)], name = controls.schedule.value;
    chain = new Chain(x0, tables[name], seed);
    for (const half of halves) {
      for (const show of half.film) show(T, (t) => noised(x0, tables[half.name], t, noise), half.name + ' schedule');
    }
    update();
  }

  function go(t) { controls.t.value = Math.min(T, Math.max(0, t)); update(); }

  function texts(table, t, x, suffix) {
    const { mean, std } = statistics(x), out = {}, all = { ...valuesAt(table, t), mean: mean.toFixed(3), std: std.toFixed(3) };
    for (const key in all) out[key + (suffix ? '_' + suffix : '')] = all[key];
    return out;
  }

  function update() {
    const view = controls.view.value, t = controls.t.value, x0 = pictures[Number(controls.picture.value)];
    const comparing = view === 'compare';
    controls.schedule.enabled = !comparing;
    back.disabled = t === 0;
    next.disabled = t === T;
    for (const node of [single, numbers.row]) node.hidden = comparing;
    both.hidden = !comparing;
    for (const name in equations) equations[name].box.hidden = name !== view;
    if (comparing) compare(x0, t); else one(view, x0, t);
  }

  function one(view, x0, t) {
    const table = tables[controls.schedule.value], equation = equations[view], chained = view === 'chain';
    const left = table.alphaBar[t], share = chained ? 1 - table.beta[t] : left;
    const before = !chained ? x0 : t ? chain.at(t - 1) : null, z = !chained ? noise : t ? normals(seed, t, size) : null;
    const x = chained ? chain.at(t) : noised(x0, table, t, noise);
    const none = t === 0 && chained;
    equation.from(before, none ? 'no step has been taken yet' : chained ? 'x at t = ' + (t - 1) : 'the clean picture x 0', none ? '' : '× ' + number(Math.sqrt(share)));
    equation.noise(z, none ? 'no noise yet' : chained ? 'the noise of step ' + t : 'the noise epsilon', none ? '' : '× ' + number(Math.sqrt(1 - share)));
    equation.to(x, 'x at t = ' + t, 't = ' + t);
    drawHistogram(sidePlot, x);
    numbers.set(texts(table, t, x));
    const factors = number(Math.sqrt(left)) + ' times the picture plus noise of standard deviation ' + number(Math.sqrt(1 - left)) + '.';
    say(t === 0 ? 't = 0: the clean picture.'
      : chained ? 'Step ' + t + ' of the chain adds fresh noise to the picture before it. In all: ' + factors
        : 'One jump from the clean picture to t = ' + t + ': ' + factors);
  }

  function compare(x0, t) {
    for (const { name, show, plot, numbers: row } of halves) {
      const x = noised(x0, tables[name], t, noise);
      show(x, 'x at t = ' + t + ' under the ' + name + ' schedule', 't = ' + t);
      drawHistogram(plot, x);
      row.set(texts(tables[name], t, x, name));
    }
    say('At t = ' + t + ' the linear schedule keeps ' + number(tables.linear.alphaBar[t]) + ' of the picture’s variance, the cosine schedule ' + number(tables.cosine.alphaBar[t]) + '.');
  }

  setAll(controls, data.state);
  whenResized(root, restart);
}
