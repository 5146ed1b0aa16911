// beta_explorer: the curves of a noise schedule, and their values at t.

function build(root, data) {
  head(root, 'explorer of the noise schedule', 'Explore the noise schedule',
    'Change the schedule and see what is left of the picture. Move t with its slider, or press on a curve. Dashed grey lines: where you started.');

  const panel = add(root, 'div', { class: 'mdw-controls' }), controls = {};
  controls.schedule = choice(panel, 'schedule', 'Schedule', [['linear', 'linear'], ['cosine', 'cosine']], update);
  controls.T = slider(panel, 'T', 'Number of steps T', 'number of steps T', data.values.T, (T) => { controls.t.stretch(T); update(); });
  controls.beta_1 = slider(panel, 'beta_1', 'First variance β<sub>1</sub>', 'first variance beta 1', data.values.beta_1, update);
  controls.beta_T = slider(panel, 'beta_T', 'Last variance β<sub>T</sub>', 'last variance beta T', data.values.beta_T, update);
  controls.s = slider(panel, 's', 'Offset s (cosine)', 'offset s of the cosine schedule', data.values.s, update);
  button(add(panel, 'div'), 'Reset', reset);

  const plots = add(root, 'div', { class: 'mdw-plots' });
  const onPick = (fraction) => { controls.t.value = Math.round(fraction * controls.T.value); update(); };
  const betaPlot = new Plot(plots, { title: 'Noise added in step t', keys: [['mdw-a', NAMES.beta_t]], onPick });
  const alphaPlot = new Plot(plots, { title: 'What is left after t steps',
    keys: [['mdw-a', NAMES.alpha_bar_t], ['mdw-b', NAMES.sqrt_alpha_bar_t], ['mdw-c', NAMES.sqrt_one_minus_alpha_bar_t]], onPick });
  const snrPlot = new Plot(plots, { title: 'Signal-to-noise ratio', keys: [['mdw-a', NAMES.snr_t + ' (logarithmic)']], onPick });
  controls.t = slider(root, 't', 'Time t', 'time t', null, update);
  const numbers = tiles(root, ['beta_t', 'alpha_bar_t', 'sqrt_alpha_bar_t', 'sqrt_one_minus_alpha_bar_t', 'snr_t', 'alpha_bar_T']);
  const say = sentence(root);

  const makeSchedule = (v) => v.schedule === 'cosine' ? cosine(v.T, v.s) : linear(v.T, v.beta_1, v.beta_T), first = makeSchedule(data.state);
  let table = first;

  function reset() { setAll(controls, data.state); update(); }

  function update() {
    const values = valuesOf(controls);
    for (const name of ['beta_1', 'beta_T']) controls[name].enabled = values.schedule === 'linear';
    controls.s.enabled = values.schedule === 'cosine';
    table = makeSchedule(values);
    const end = number(table.alphaBar[table.T]);
    numbers.set({ ...valuesAt(table, values.t), alpha_bar_T: end });
    const gone = table.alphaBar.findIndex((a) => a < data.little);
    if (gone < 0) {
      say('Not yet noise: after all ' + table.T + ' steps, ' + end + ' of the picture’s variance is still there. ' +
        'Sampling starts from pure noise, so take more steps or larger variances.', 'warn');
    } else {
      say('Noise at the end: after all ' + table.T + ' steps, ' + end + ' of the picture’s variance is left. ' +
        'It is below 1 % from t = ' + gone + ' on.', 'ok');
    }
    draw();
  }

  function draw() {
    const t = controls.t.value, T = table.T, same = (i) => i, stretched = (i) => i / first.T * T;
    const xTicks = betaPlot.times(T), ticks = niceTicks(0, Math.max(...table.beta)), top = ticks[ticks.length - 1];
    let map = betaPlot.axes(0, T, xTicks, 0, top, ticks, plain, 't');
    betaPlot.cursor(map, t);
    betaPlot.curve(map, 'mdw-ghost', first.beta, 1, stretched);
    betaPlot.curve(map, 'mdw-a', table.beta, 1, same);
    if (t) betaPlot.dot(map, 'mdw-a', t, table.beta[t]);
    betaPlot.svg.setAttribute('aria-label', 'Curve of beta t over t: from ' + number(table.beta[1]) + ' at t = 1 to ' + number(table.beta[T]) + ' at T = ' + T);

    map = alphaPlot.axes(0, T, xTicks, 0, 1, [0, 0.25, 0.5, 0.75, 1], plain, 't');
    alphaPlot.cursor(map, t);
    alphaPlot.curve(map, 'mdw-ghost', first.alphaBar, 0, stretched);
    const curves = [['mdw-c', table.alphaBar.map((a) => Math.sqrt(1 - a))], ['mdw-b', table.alphaBar.map(Math.sqrt)], ['mdw-a', table.alphaBar]];
    for (const [kind, y] of curves) alphaPlot.curve(map, kind, y, 0, same);
    for (const [kind, y] of curves) alphaPlot.dot(map, kind, t, y[t]);
    alphaPlot.svg.setAttribute('aria-label', 'Curves over t of alpha bar t, its root and the root of one minus it: alpha bar falls from 1 to ' + number(table.alphaBar[T]));

    const log = table.snr.map(Math.log10), firstLog = first.snr.map(Math.log10);
    const low = Math.max(-12, Math.min(-1, Math.floor(log[T]))), high = Math.max(1, Math.ceil(log[1]));
    map = snrPlot.axes(0, T, xTicks, low, high, powersWithin(low, high), power, 't');
    snrPlot.cursor(map, t);
    snrPlot.level(map, 0);
    snrPlot.curve(map, 'mdw-ghost', firstLog, 1, stretched);
    snrPlot.curve(map, 'mdw-a', log, 1, same);
    if (t) snrPlot.dot(map, 'mdw-a', t, log[t]);
    snrPlot.svg.setAttribute('aria-label', 'Curve of the signal-to-noise ratio over t, logarithmic: from ' + number(table.snr[1]) + ' at t = 1 to ' + number(table.snr[T]) + ' at T = ' + T);
  }

  reset();
  whenResized(root, draw);
}
