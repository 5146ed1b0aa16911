// ddim_explorer: walks of DDIM from one noise, in few steps and many, with and without fresh noise.

Object.assign(NAMES, { calls: 'calls', sigma: 'σ of this step', to_go: 'x̂<sub>0</sub> to the end', apart: 'the two apart' });
Object.assign(SPOKEN, { t: 'time t', calls: 'calls of the network', sigma: 'sigma of the step that led here',
  to_go: 'distance from the guess of x 0 to the picture at the end', apart: 'distance between the two walks' });

function build(root, data) {
  const { pictures, seeds } = data, size = data.height * data.width, frame = pictures * size;
  const start = unpack(data.start), walks = {};
  const about = (n) => data.steps.find((one) => one.n === n);

  // Frames x and guess of one walk; x_T is common to all, and the last guess is the end of the walk.
  function walkOf(n, eta, seed) {
    const key = n + ' ' + data.etas.indexOf(eta) + ' ' + (eta === 0 ? seeds[0] : seed);
    if (!walks[key]) {
      const all = unpack(data.walks[key]), count = about(n).t.length;
      const at = (k) => all.subarray(k * frame, (k + 1) * frame);
      const guess = Array.from({ length: count - 1 }, (_, k) => at(count - 2 + k));
      walks[key] = { guess, x: [start.subarray(0, frame), ...Array.from({ length: count - 2 }, (_, k) => at(k)), guess[count - 2]] };
    }
    return walks[key];
  }

  function distance(a, b) {
    let total = 0;
    for (let i = 0; i < frame; i++) total += (a[i] - b[i]) ** 2;
    return (Math.sqrt(total / frame) * 2 / 15).toFixed(3);
  }

  head(root, 'explorer of DDIM', 'Fewer steps, less chance',
    'Two walks from the same noise x_T; what differs is the seed of the fresh noise in their steps. Choose how many steps, and how much noise: η = 0 is DDIM, η = 1 is DDPM on the same times.');
  const top = add(root, 'div', { class: 'mdw-controls' }), controls = {};
  controls.steps = choice(add(top, 'div'), 'steps', 'Steps', data.steps.map(({ n }) => [String(n), String(n)]), () => { stop(); go(Infinity); });
  controls.eta = choice(add(top, 'div'), 'eta', 'Fresh noise η', data.etas.map((eta) => [String(eta), String(eta)]), () => { stop(); update(); });

  const pair = add(add(root, 'div', { class: 'mdw-stage' }), 'div', { class: 'mdw-pair' });
  const panels = seeds.map((seed) => {
    const panel = add(pair, 'div');
    add(panel, 'div', { class: 'mdw-caption' }, 'Fresh noise from seed ' + seed);
    const row = (html) => {
      const line = add(panel, 'div', { style: 'display:grid;grid-template-columns:28px repeat(' + pictures + ',minmax(0,110px));gap:5px;align-items:center;margin-bottom:5px' });
      add(line, 'div', { html, 'aria-hidden': 'true' });
      return Array.from({ length: pictures }, () => canvasOf(add(line, 'div', { class: 'mdw-image mdw-frame' }), data));
    };
    return { seed, x: row('x<sub>t</sub>'), guess: row('x̂<sub>0</sub>') };
  });

  const time = add(root, 'div', { class: 'mdw-time' });
  controls.frame = slider(time, 'frame', 'Frame', 'frame of the walk', null, () => { stop(); update(); });
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  button(buttons, 'Back to noise', () => { stop(); go(0); });
  // The player strides every 50 ms: a frame is shown for twelve of its strides.
  let strides = 0;
  const last = () => about(Number(controls.steps.value)).t.length - 1;
  const stop = player(buttons, () => say, () => { strides = 0; if (controls.frame.value >= last()) go(0); }, () => {
    if (++strides % 12 === 0) go(controls.frame.value + 1);
    return controls.frame.value < last();
  });
  const numbers = tiles(root, ['t', 'calls', 'sigma', 'to_go', 'apart']);
  const say = sentence(root);

  function go(k) {
    controls.frame.max = last();
    controls.frame.value = Math.min(k, last());
    update();
  }

  function update() {
    const n = Number(controls.steps.value), eta = Number(controls.eta.value), k = controls.frame.value;
    const { stops, t: times, spread } = about(n), t = times[k], both = seeds.map((seed) => walkOf(n, eta, seed));
    const [one, other] = both, apart = distance(one.x[k], other.x[k]);
    numbers.set({ t: String(t), calls: stops[k] + ' of ' + n, apart, sigma: k === 0 ? '–' : number(eta * spread[k]),
      to_go: k === 0 ? '–' : distance(one.guess[k - 1], one.x[last()]) });
    say('t = ' + t + ': ' + (k === 0 ? 'both walks start from the same noise. Press Play.'
      : n === 1 ? 'one step is the first guess and no more. No noise is added on the step into 0, so η changes nothing.'
        : eta === 0 ? 'no step adds noise, so both walks are one and the same: the start decides all.'
          : t === 0 ? 'the two walks had the same start, and their pictures are ' + apart + ' apart: the fresh noise decides too.'
            : 'the step that led here added fresh noise; the two walks are ' + apart + ' apart.'));
    panels.forEach(({ seed, x, guess }, i) => {
      const part = (frames, j) => frames && frames.subarray(j * size, (j + 1) * size), where = ', seed ' + seed + ', picture ';
      x.forEach((canvas, j) => paintFrame(canvas, part(both[i].x[k], j), 'x at t = ' + t + where + (j + 1)));
      guess.forEach((canvas, j) => paintFrame(canvas, part(both[i].guess[k - 1], j), (k ? 'guess of x 0 that led to t = ' + t : 'no guess yet') + where + (j + 1)));
    });
  }

  controls.steps.value = data.state.steps;
  controls.eta.value = data.state.eta;
  go(data.state.frame);
}
