// schedule_explorer: one picture on its way to noise, under two schedules at once.

Object.assign(NAMES, { log_snr_t: 'log SNR<sub>t</sub>', like: 'other row at' });
Object.assign(SPOKEN, { log_snr_t: 'natural logarithm of the signal-to-noise ratio at t', like: 'time at which the other row has as much noise' });

// ---- the other schedules of minidiff.chain.makers; what is made for 1000 steps is rescaled to T -----

const share = (t, T) => (t - 1) / (T - 1), logistic = (u) => 1 / (1 + Math.exp(-u));

function scaledLinear(T) {
  const first = Math.sqrt(8.5e-4), last = Math.sqrt(0.012);
  return scheduleOf(T, (t) => 1000 / T * (first + share(t, T) * (last - first)) ** 2);
}

const sigmoidBeta = (T) => scheduleOf(T, (t) => 1000 / T * (1e-4 + (0.02 - 1e-4) * logistic(-6 + 12 * share(t, T))));

function sigmoid(T) {
  const left = (t) => logistic(3) - logistic(-3 + 6 * t / T);
  return scheduleOf(T, (t) => Math.min(1 - left(t) / left(t - 1), 0.999));
}

function zeroTerminal({ T, beta, alphaBar }) {
  const left = (t) => Math.sqrt(alphaBar[t]) - Math.sqrt(alphaBar[T]);
  return scheduleOf(T, (t) => t === 1 ? beta[1] : 1 - (left(t) / left(t - 1)) ** 2);
}

const MAKERS = { linear: rescaledLinear, cosine, scaled_linear: scaledLinear, sigmoid_beta: sigmoidBeta, sigmoid, zero_snr: (T) => zeroTerminal(rescaledLinear(T)) };

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

function build(root, data) {
  const noise = normals(data.seed, 0, data.width * data.height), pictures = picturesOf(data), words = Object.fromEntries(data.menu);
  head(root, 'explorer of two noise schedules', 'Compare two noise schedules',
    'Choose a schedule for each row. Every picture has the same noise in it, only the amount differs. Move t, or press on a curve; “other row at” is when the other row has as much noise.');

  const panel = add(root, 'div', { class: 'mdw-rows' }), controls = {};
  controls.picture = pictureChoice(panel, data, pictures, update);
  const grid = add(panel, 'div', { class: 'mdw-controls', style: 'grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr))' });
  controls.top = menu(grid, 'top', 'Upper row', data.menu, update);
  controls.bottom = menu(grid, 'bottom', 'Lower row', data.menu, update);
  controls.T = slider(grid, 'T', 'Number of steps T', 'number of steps T', data.values.T, (T) => { controls.t.stretch(T); update(); });
  controls.s = slider(grid, 's', 'Offset s (cosine)', 'offset s of the cosine schedule', data.values.s, update);

  // The slides' figure: both rows at equally spaced times.
  const strips = ['top', 'bottom'].map((row, place) => {
    const box = add(root, 'div', { role: 'group', 'aria-label': (place ? 'lower' : 'upper') + ' row', style: 'margin-top:' + (place ? 8 : 16) + 'px' });
    const title = add(box, 'div', { class: 'mdw-caption', style: 'margin:0' });
    return { title, film: filmstrip(box, data, data.frames, 'margin-top:2px;grid-template-columns:repeat(' + data.frames + ',minmax(0,1fr))') };
  });

  const time = add(root, 'div', { class: 'mdw-time', style: 'grid-template-columns:1fr' });
  controls.t = slider(time, 't', 'Time t', 'time t', null, update);
  const stage = add(root, 'div', { class: 'mdw-stage', style: 'margin-top:8px' }), pair = add(stage, 'div', { class: 'mdw-pair' });
  const halves = ['top', 'bottom'].map((row) => {
    const half = add(pair, 'div', { class: 'mdw-half', role: 'group' }), figure = add(half, 'div', { class: 'mdw-image' });
    const area = canvasOf(figure, data), caption = add(figure, 'div', { class: 'mdw-cap', 'aria-hidden': 'true' });
    const numbers = tiles(add(half, 'div', { class: 'mdw-side' }), ['alpha_bar_t', 'log_snr_t', 'like'], row);
    numbers.row.style.margin = '0';
    return { row, half, area, caption, numbers };
  });
  const keys = [['mdw-a', 'upper row'], ['mdw-b', 'lower row']], onPick = (part) => { controls.t.value = Math.round(part * controls.T.value); update(); };
  const plots = add(root, 'div', { class: 'mdw-plots', style: 'grid-template-columns:repeat(auto-fit,minmax(min(260px,100%),1fr))' });
  const leftPlot = new Plot(plots, { title: 'What is left, ' + NAMES.alpha_bar_t, keys, onPick });
  const snrPlot = new Plot(plots, { title: 'Picture against noise, ' + NAMES.log_snr_t, keys, onPick });
  const say = sentence(root);

  function update() {
    const { picture, top, bottom, T, s, t } = valuesOf(controls), names = [top, bottom], x0 = pictures[Number(picture)];
    controls.s.enabled = names.includes('cosine');
    const tables = names.map((name) => MAKERS[name](T, s));
    const likes = tables.map((table, k) => {
      const first = tables[1 - k].alphaBar.findIndex((left) => left <= table.alphaBar[t]);
      return first < 0 ? 'never' : 't = ' + first;
    });
    tables.forEach((table, k) => {
      const name = words[names[k]], { row, half, area, caption, numbers } = halves[k];
      strips[k].title.textContent = name;
      for (const show of strips[k].film) show(T, (at) => noised(x0, table, at, noise), name);
      half.setAttribute('aria-label', name + ' at the chosen t');
      paint(area, noised(x0, table, t, noise), 'x at the chosen t = ' + t + ', ' + name);
      caption.textContent = name;
      numbers.set({ ['alpha_bar_t_' + row]: number(table.alphaBar[t]), ['log_snr_t_' + row]: number(Math.log(table.snr[t])), ['like_' + row]: likes[k] });
    });
    const wasted = tables.map((table, k) => words[names[k]] + ' ' + table.alphaBar.reduce((sum, left) => sum + (left < data.little), 0));
    say('At t = ' + t + ' the upper row ' + (likes[0] === 'never' ? 'is noisier than the lower one ever gets.' : 'is as noisy as the lower one is at ' + likes[0] + '.') +
      ' Of ' + T + ' steps, so many leave below 1 % of the picture’s variance: ' + wasted.join(', ') + '.');
    draw(tables, names, t);
  }

  function draw(tables, names, t) {
    const T = controls.T.value, ticks = leftPlot.times(T), same = (i) => i;
    const curves = (plot, map, of, first, label) => {
      plot.cursor(map, t);
      tables.forEach((table, k) => plot.curve(map, ['mdw-a', 'mdw-b'][k], of(table), first, same));
      tables.forEach((table, k) => { if (t >= first) plot.dot(map, ['mdw-a', 'mdw-b'][k], t, of(table)[t]); });
      plot.svg.setAttribute('aria-label', label + ' over t: ' + tables.map((table, k) => words[names[k]] + ' from ' +
        number(of(table)[first]) + ' at t = ' + first + ' to ' + number(of(table)[T]) + ' at t = ' + T).join('; '));
    };
    curves(leftPlot, leftPlot.axes(0, T, ticks, 0, 1, [0, 0.25, 0.5, 0.75, 1], plain, 't'), (table) => table.alphaBar, 0, 'Alpha bar');
    const map = snrPlot.axes(0, T, ticks, -12, 12, [-12, -8, -4, 0, 4, 8, 12], plain, 't');
    snrPlot.level(map, 0);
    curves(snrPlot, map, (table) => table.snr.map(Math.log), 1, 'Logarithm of the signal-to-noise ratio');
  }

  setAll(controls, data.state);
  whenResized(root, update);
}
