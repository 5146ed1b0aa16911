// schedule_explorer: one picture on its way to noise, under two schedules at once.

Object.assign(NAMES, { log_snr_t: 'log SNR<sub>t</sub>', like: 'other row at' });
Object.assign(SPOKEN, { log_snr_t: 'natural logarithm of the signal-to-noise ratio at t', like: 'time at which the other row has as much noise' });

// ---- the schedules of minidiff.schedule_makers; what is made for 1000 steps is rescaled to T ------

function betas(T, beta) {
  const table = new Float64Array(T + 1);
  for (let t = 1; t <= T; t++) table[t] = beta(t);
  return finish(table);
}

const share = (t, T) => (t - 1) / (T - 1), logistic = (u) => 1 / (1 + Math.exp(-u));

function scaledLinear(T) {
  const first = Math.sqrt(8.5e-4), last = Math.sqrt(0.012);
  return betas(T, (t) => 1000 / T * (first + share(t, T) * (last - first)) ** 2);
}

const sigmoidBeta = (T) => betas(T, (t) => 1000 / T * (1e-4 + (0.02 - 1e-4) * logistic(-6 + 12 * share(t, T))));

function sigmoid(T) {
  const left = (t) => logistic(3) - logistic(-3 + 6 * t / T);
  return betas(T, (t) => Math.min(1 - left(t) / left(t - 1), 0.999));
}

function zeroTerminal(table) {
  const left = (t) => Math.sqrt(table.alphaBar[t]) - Math.sqrt(table.alphaBar[table.T]);
  return betas(table.T, (t) => t === 1 ? table.beta[1] : 1 - (left(t) / left(t - 1)) ** 2);
}

const straightLine = (T) => linear(T, 1000 / T * 1e-4, 1000 / T * 0.02);
const MAKERS = { linear: straightLine, cosine, scaled_linear: scaledLinear, sigmoid_beta: sigmoidBeta, sigmoid, zero_snr: (T) => zeroTerminal(straightLine(T)) };

// ---- the figure ------------------------------------------------------------------------------------

// A native menu with the look of the other controls.
function menu(parent, name, title, choices, onInput) {
  const box = add(parent, 'div', {}), id = newId();
  add(box, 'label', { for: id, style: 'display:block;font-size:13.5px;font-weight:600;margin-bottom:5px' }, title);
  const select = add(box, 'select', { id, 'data-control': name, style: 'width:100%;min-height:32px;margin:0;padding:3px 8px;' +
    'border:1px solid var(--mdw-line);border-radius:7px;background:var(--mdw-bg);color:var(--mdw-text);font:inherit;font-size:14px' });
  for (const [value, text] of choices) add(select, 'option', { value }, text);
  select.addEventListener('input', onInput);
  return { get value() { return select.value; }, set value(v) { select.value = v; } };
}

// A picture in [-1, 1] on a canvas, values beyond drawn black or white.
function paint(canvas, x, label) {
  const context = canvas.getContext('2d'), picture = context.createImageData(canvas.width, canvas.height);
  x.forEach((v, i) => {
    const grey = Math.round((Math.min(1, Math.max(-1, v)) + 1) * 127.5);
    picture.data.set([grey, grey, grey, 255], 4 * i);
  });
  context.putImageData(picture, 0, 0);
  if (label) canvas.setAttribute('aria-label', label);
}

function build(root, data) {
  const { width, height, frames } = data, size = width * height, noise = normals(data.seed, 0, size);
  const raw = Uint8Array.from(atob(data.pictures), (c) => c.charCodeAt(0)), words = Object.fromEntries(data.menu);
  const pictures = data.labels.map((_, k) => Float64Array.from(raw.subarray(k * size, (k + 1) * size), (v) => v / 127.5 - 1));
  const canvas = (parent, role) => add(parent, 'canvas', { width, height, role: role || 'img' });

  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', 'Interactive figure: explorer of two noise schedules');
  add(root, 'div', { class: 'mdw-title' }, 'Compare two noise schedules');
  add(root, 'div', { class: 'mdw-hint' }, 'Choose a schedule for each row. Every picture has the same noise in it, only the amount differs. Move t, or press on a curve; “other row at” is when the other row has as much noise.');

  const panel = add(root, 'div', { class: 'mdw-rows' }), controls = {};
  controls.picture = choice(panel, 'picture', 'Picture', data.labels.map((label, k) => [String(k), label, (node) => paint(canvas(node, 'presentation'), pictures[k])]), update);
  const grid = add(panel, 'div', { class: 'mdw-controls', style: 'grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr))' });
  controls.top = menu(grid, 'top', 'Upper row', data.menu, update);
  controls.bottom = menu(grid, 'bottom', 'Lower row', data.menu, update);
  controls.T = slider(grid, 'T', 'Number of steps T', 'number of steps T', data.values.T, changeT);
  controls.s = slider(grid, 's', 'Offset s (cosine)', 'offset s of the cosine schedule', data.values.s, update);

  // The slides' figure: both rows at equally spaced times.
  const strips = ['top', 'bottom'].map((row, place) => {
    const box = add(root, 'div', { role: 'group', 'aria-label': (place ? 'lower' : 'upper') + ' row', style: 'margin-top:' + (place ? 8 : 16) + 'px' });
    const title = add(box, 'div', { class: 'mdw-caption', style: 'margin:0' });
    const film = add(box, 'div', { class: 'mdw-film', style: 'margin-top:2px;grid-template-columns:repeat(' + frames + ',minmax(0,1fr))' });
    const cells = Array.from({ length: frames }, () => {
      const cell = add(film, 'div', { class: 'mdw-image mdw-frame' });
      return { area: canvas(cell), caption: add(cell, 'div', { class: 'mdw-cap', 'aria-hidden': 'true' }) };
    });
    return { row, title, cells };
  });

  const time = add(root, 'div', { class: 'mdw-time', style: 'grid-template-columns:1fr' });
  controls.t = slider(time, 't', 'Time t', 'time t', null, update);
  const stage = add(root, 'div', { class: 'mdw-stage', style: 'margin-top:8px' }), pair = add(stage, 'div', { class: 'mdw-pair' });
  const halves = ['top', 'bottom'].map((row) => {
    const half = add(pair, 'div', { class: 'mdw-half', role: 'group' }), figure = add(half, 'div', { class: 'mdw-image' });
    const area = canvas(figure), caption = add(figure, 'div', { class: 'mdw-cap', 'aria-hidden': 'true' });
    const numbers = tiles(add(half, 'div', { class: 'mdw-side' }), ['alpha_bar_t', 'log_snr_t', 'like'], row);
    numbers.row.style.margin = '0';
    return { row, half, area, caption, numbers };
  });
  const keys = [['mdw-a', 'upper row'], ['mdw-b', 'lower row']], onPick = (part) => { controls.t.value = Math.round(part * state.T); update(); };
  const plots = add(root, 'div', { class: 'mdw-plots', style: 'grid-template-columns:repeat(auto-fit,minmax(min(260px,100%),1fr))' });
  const leftPlot = new Plot(plots, { title: 'What is left, ' + NAMES.alpha_bar_t, keys, onPick });
  const snrPlot = new Plot(plots, { title: 'Picture against noise, ' + NAMES.log_snr_t, keys, onPick });
  const say = sentence(root), state = { T: data.state.T };

  // Another T keeps t at the same share of the way.
  function changeT(T) {
    const t = Math.round(controls.t.value / state.T * T);
    state.T = T;
    controls.t.max = T;
    controls.t.value = t;
    update();
  }

  function noised(table, t) {
    const a = Math.sqrt(table.alphaBar[t]), b = Math.sqrt(1 - table.alphaBar[t]);
    return pictures[Number(controls.picture.value)].map((v, i) => a * v + b * noise[i]);
  }

  function update() {
    const t = controls.t.value, T = state.T, names = [controls.top.value, controls.bottom.value];
    controls.s.enabled = names.includes('cosine');
    const tables = names.map((name) => MAKERS[name](T, controls.s.value));
    const likes = tables.map((table, k) => {
      const first = tables[1 - k].alphaBar.findIndex((left) => left <= table.alphaBar[t]);
      return first < 0 ? 'never' : 't = ' + first;
    });
    tables.forEach((table, k) => {
      const name = words[names[k]], { row, half, area, caption, numbers } = halves[k];
      strips[k].title.textContent = name;
      strips[k].cells.forEach((cell, i) => {
        const at = Math.round(i / (frames - 1) * T);
        paint(cell.area, noised(table, at), 'x at t = ' + at + ', ' + name);
        cell.caption.textContent = String(at);
      });
      half.setAttribute('aria-label', name + ' at the chosen t');
      paint(area, noised(table, t), 'x at the chosen t = ' + t + ', ' + name);
      caption.textContent = name;
      numbers.set({ ['alpha_bar_t_' + row]: number(table.alphaBar[t]), ['log_snr_t_' + row]: number(Math.log(table.snr[t])), ['like_' + row]: likes[k] });
    });
    const wasted = tables.map((table, k) => words[names[k]] + ' ' + table.alphaBar.reduce((sum, left) => sum + (left < data.little), 0));
    say('At t = ' + t + ' the upper row ' + (likes[0] === 'never' ? 'is noisier than the lower one ever gets.' : 'is as noisy as the lower one is at ' + likes[0] + '.') +
      ' Of ' + T + ' steps, so many leave below 1 % of the picture’s variance: ' + wasted.join(', ') + '.');
    draw(tables, names, t);
  }

  function draw(tables, names, t) {
    const T = state.T, ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * T).filter(Number.isInteger), same = (i) => i;
    const plain = (node, y) => { node.textContent = String(y).replace('-', '−'); };
    const curves = (plot, map, of, first, label) => {
      add(plot.svg, 'path', { class: 'mdw-cursor', d: 'M' + map.X(t) + ' ' + 8 + 'V' + 156 });
      tables.forEach((table, k) => plot.curve(map, ['mdw-a', 'mdw-b'][k], of(table), first, same));
      tables.forEach((table, k) => { if (t >= first) plot.dot(map, ['mdw-a', 'mdw-b'][k], t, of(table)[t]); });
      plot.svg.setAttribute('aria-label', label + ' over t: ' + tables.map((table, k) => words[names[k]] + ' from ' +
        number(of(table)[first]) + ' at t = ' + first + ' to ' + number(of(table)[T]) + ' at t = ' + T).join('; '));
    };
    curves(leftPlot, leftPlot.axes(0, T, ticks, 0, 1, [0, 0.25, 0.5, 0.75, 1], plain, 't'), (table) => table.alphaBar, 0, 'Alpha bar');
    const map = snrPlot.axes(0, T, ticks, -12, 12, [-12, -8, -4, 0, 4, 8, 12], plain, 't');
    add(snrPlot.svg, 'path', { class: 'mdw-level', d: 'M44 ' + map.Y(0) + 'h' + map.width });
    curves(snrPlot, map, (table) => table.snr.map(Math.log), 1, 'Logarithm of the signal-to-noise ratio');
  }

  controls.t.max = data.state.T;
  for (const name in data.state) controls[name].value = data.state[name];
  whenResized(root, update);
}
