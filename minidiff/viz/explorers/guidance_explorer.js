// guidance_explorer: samples at several weights of guidance, and what the weight does to two figures.

Object.assign(NAMES, { scale: 'scale s = 1 + w', fidelity: 'fidelity', diversity: 'diversity', read: 'read as asked' });
Object.assign(SPOKEN, { scale: 'guidance scale s, one plus w', fidelity: 'fidelity, the mean log-probability of the class asked for',
  diversity: 'diversity, the variance of the features within a class', read: 'share of the samples that are read as asked for' });

// "−0.0123 ± 0.0045", the twin of _with_error() in guidance_explorer.py.
function withError([value, error], decimals) {
  let text = value.toFixed(decimals);
  if (value < 0 && !Number(text) && !Number(error.toFixed(decimals))) return '> −' + (10 ** -decimals).toFixed(decimals);
  if (Number(text) === 0) text = text.replace('-', '');
  return text.replace('-', '−') + ' ± ' + error.toFixed(decimals);
}

const GAP = 2;

function build(root, data) {
  const { weights, labels, rows, count, height, width, computed } = data;
  const perWeight = labels.length * height * width, pixels = unpacked(computed.pixels, weights.length * perWeight);
  // Each weight tells what it adds to the one before, modulo 256.
  for (let i = perWeight; i < pixels.length; i++) pixels[i] += pixels[i - perWeight];
  const classes = [...new Set(rows.all.map((k) => labels[k]))], focus = labels[rows.one[0]];
  head(root, 'explorer of classifier-free guidance', 'Turn up the guidance',
    'Each place of the grid starts from the same noise at every w. Orange frame: the classifier reads another class than was asked for. Bars: one standard error.');

  const stage = add(root, 'div', { class: 'mdw-stage' });
  const left = add(stage, 'div', { style: 'flex:1 1 100%;min-width:0' });
  const heads = add(left, 'div', { 'aria-hidden': 'true', style: 'display:grid;text-align:center;font-size:13px;color:var(--mdw-dim)' });
  const canvas = add(left, 'canvas', { role: 'img', style: 'display:block;width:100%;image-rendering:pixelated' });
  const side = add(stage, 'div', { class: 'mdw-side', style: 'flex:1 1 100%;display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:12px 26px;align-items:end' }), controls = {};
  controls.w = slider(side, 'w', 'Weight of guidance w', 'weight of guidance w', weights, update);
  controls.show = choice(add(side, 'div'), 'show', 'Samples shown', [['all', 'of each class'], ['one', 'of class ' + focus]], update);
  const numbers = tiles(root, ['scale', 'read', 'fidelity', 'diversity']);
  // A number with its error is wider than other numbers.
  numbers.row.style.gridTemplateColumns = 'repeat(auto-fit, minmax(min(140px, 100%), 1fr))';
  const plots = add(root, 'div', { class: 'mdw-plots' }), real = computed.real ? [['mdw-ghost', 'real']] : [];
  const onPick = (fraction) => { controls.w.value = weights[Math.round(fraction * (weights.length - 1))]; update(); };
  const surePlot = new Plot(plots, { title: 'Fidelity', keys: [['mdw-a', 'mean log p of the class'], ...real], onPick });
  const widePlot = new Plot(plots, { title: 'Diversity', keys: [['mdw-c', 'variance in a class'], ...real], onPick });
  const bothPlot = new Plot(plots, { title: 'One against the other', keys: [['mdw-b', 'one dot a weight']] });
  const say = sentence(root);

  function update() {
    const w = controls.w.value, i = weights.indexOf(w), read = (100 * computed.read[i]).toFixed(1) + ' %';
    numbers.set({ scale: number1(1 + w), read, fidelity: withError(computed.fidelity[i], 4), diversity: withError(computed.diversity[i], 1) });
    let said = (w === 0 ? 'w = 0: no guidance, the conditional model as it is. ' : 'w = ' + number1(w) + ': ') +
      'The classifier reads ' + read + ' of ' + count + ' samples as asked for.';
    if (i > 0) {
      const start = computed.diversity[0][0], ratio = start ? computed.diversity[i][0] / start : 1;
      said += ' Their diversity is ' + ratio.toFixed(2) + ' times that at w = ' + number1(weights[0]) + '; they started from the same noise.';
    }
    say(said);
    paint(i);
    draw();
  }

  // 2 for 2, 0.25 for 0.25: Python's format "g" for such numbers.
  function number1(x) { return String(Number(x.toPrecision(6))); }

  // The samples side by side; those that are read as something else have an orange frame.
  function paint(i) {
    const all = controls.show.value === 'all', shown = rows[controls.show.value];
    const columns = all ? classes.length : Math.min(10, shown.length), lines = Math.ceil(shown.length / columns);
    const wide = width + GAP, tall = height + GAP, wrong = new Set(computed.wrong[i]), context = canvas.getContext('2d');
    canvas.width = columns * wide + GAP;
    canvas.height = lines * tall + GAP;
    shown.forEach((k, place) => {
      const x = GAP + (place % columns) * wide, y = GAP + Math.floor(place / columns) * tall;
      if (wrong.has(k)) {
        context.fillStyle = '#e07b20';
        context.fillRect(x - GAP, y - GAP, wide + GAP, tall + GAP);
      }
      context.putImageData(imageOf(context, width, height, pixels.subarray(i * perWeight + k * height * width)), x, y);
    });
    heads.style.gridTemplateColumns = 'repeat(' + columns + ', minmax(0, 1fr))';
    heads.replaceChildren();
    if (all) for (const k of classes) add(heads, 'span', {}, String(k));
    const misread = shown.filter((k) => wrong.has(k)).length;
    canvas.setAttribute('aria-label', shown.length + ' samples at w = ' + number1(weights[i]) + (all ? ' of the classes ' + classes.join(', ') : ', all of class ' + focus) +
      '; ' + (misread ? misread + ' of them read as another class' : 'all read as asked for'));
  }

  function draw() {
    const i = weights.indexOf(controls.w.value);
    const places = weights.map((w, k) => tick(k, number1(w)));
    const level = (name) => computed.real ? computed.real[['fidelity', 'diversity'].indexOf(name)] : null;
    for (const [plot, name, kind] of [[surePlot, 'fidelity', 'mdw-a'], [widePlot, 'diversity', 'mdw-c']]) {
      const found = computed[name], known = level(name), ends = [...found, ...(known ? [known] : [])];
      const ticks = niceTicks(Math.min(...ends.map(([v, e]) => v - e)), name === 'fidelity' ? 0 : Math.max(...ends.map(([v, e]) => v + e)));
      const map = plot.axes(0, Math.max(1, weights.length - 1), places, ticks[0], ticks[ticks.length - 1], ticks, plain, 'weight w');
      plot.cursor(map, i);
      if (known) plot.curve(map, 'mdw-ghost', weights.map(() => known[0]), 0, (k) => k);
      plot.curve(map, kind, found.map(([v]) => v), 0, (k) => k);
      found.forEach(([v, e], k) => bars(plot, map, kind, k, v, e));
      plot.dot(map, kind, i, found[i][0]);
      plot.svg.setAttribute('aria-label', 'Curve of ' + name + ' over the weight w: ' + withError(found[0], 4) + ' at w = ' + number1(weights[0]) + ', ' +
        withError(found[found.length - 1], 4) + ' at w = ' + number1(weights[weights.length - 1]) + (known ? '; real pictures have ' + withError(known, 4) : ''));
    }
    const sure = computed.fidelity.map(([v]) => v), wide = computed.diversity.map(([v]) => v);
    const x = niceTicks(Math.min(...wide), Math.max(...wide)), y = niceTicks(Math.min(...sure), 0);
    const map = bothPlot.axes(x[0], x[x.length - 1], x, y[0], y[y.length - 1], y, plain, 'diversity');
    bothPlot.curve(map, 'mdw-b', sure, 0, (k) => wide[k]);
    sure.forEach((v, k) => add(bothPlot.svg, 'circle', { class: 'mdw-dot mdw-b', cx: map.X(wide[k]), cy: map.Y(v), r: k === i ? 6 : 2.5 }));
    bothPlot.svg.setAttribute('aria-label', 'Fidelity against diversity, one dot for each weight; at w = ' + number1(weights[i]) + ' fidelity ' + sure[i].toFixed(4) + ', diversity ' + wide[i].toFixed(1));
  }

  // One standard error up and down.
  function bars(plot, map, kind, k, value, error) {
    const X = map.X(k), low = map.Y(value - error), high = Math.max(8, map.Y(value + error));
    add(plot.svg, 'path', { class: 'mdw-curve ' + kind, 'data-part': 'bar', style: 'stroke-dasharray:none;stroke-width:1.3',
      d: 'M' + X.toFixed(1) + ' ' + low.toFixed(1) + 'V' + high.toFixed(1) + 'm-3 0h6M' + (X - 3).toFixed(1) + ' ' + low.toFixed(1) + 'h6' });
  }

  setAll(controls, data.state);
  update();
  whenResized(root, draw);
}
