// live_digits: a network draws a digit while one looks, in the page itself.

Object.assign(NAMES, { calls: 'calls' });
Object.assign(SPOKEN, { t: 'time t', calls: 'calls of the network' });

function build(root, data) {
  const { size, walks } = data, picture = { width: size, height: size };
  let seed = data.seed, network = null, loading = false, states = [], seconds = null;
  // What is drawn is shown at once, or, when it is played, step by step.
  let begun = false, atOnce = true;

  head(root, 'digits drawn by a network in this page', 'From noise to a digit, in this page',
    'Choose a digit and press Play. The network runs in your browser; nothing is sent anywhere.');
  const width = 'width:var(--mdw-image)';
  const stage = add(root, 'div', { class: 'mdw-stage', style: '--mdw-image:min(190px,calc((100cqw - 52px) / 2));gap:18px' });
  const [noisy, guess] = ['x<sub>t</sub>, what the network sees', 'x̂<sub>0</sub>, the digit that it guesses'].map((html) => {
    const box = add(stage, 'div', { class: 'mdw-image', style: width }), canvas = canvasOf(box, picture);
    add(box, 'div', { class: 'mdw-cap', html, 'aria-hidden': 'true' });
    return canvas;
  });
  const controls = {}, side = add(stage, 'div', { class: 'mdw-side mdw-rows' });
  controls.label = choice(add(side, 'div'), 'label', 'Digit', data.labels.map((k) => [String(k), String(k)]), () => wish());
  controls.steps = choice(add(side, 'div'), 'steps', 'Steps', Object.keys(walks).map((n) => [n, n]), () => wish());
  controls.w = slider(side, 'w', 'Guidance <i>w</i>', 'guidance weight w', data.weights, () => wish());

  const time = add(root, 'div', { class: 'mdw-time' });
  controls.frame = slider(time, 'frame', 'Step', 'step of the walk', null, () => { atOnce = false; stop(); show(); });
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  button(buttons, 'New noise', () => { seed++; wish(); });
  const stop = player(buttons, () => say, play, stride);
  const numbers = tiles(root, ['t', 'calls']), say = sentence(root), taken = add(root, 'div', { class: 'mdw-hint mdw-taken' });

  const walk = () => walks[controls.steps.value], last = () => walk().times.length - 1;
  const noise = () => Float32Array.from(normals(seed, walk().times[0], size * size));

  // Something else is wished for: what was drawn is thrown away, and drawn anew if there is a network.
  function wish() {
    stop();
    states = [{ x: noise(), guess: null }];
    [begun, seconds, atOnce] = [false, null, true];
    controls.frame.max = last();
    controls.frame.value = 0;
    show();
    if (network) draw();
  }

  function draw() {
    const { times, alphaBar } = walk(), start = performance.now();
    begun = true;
    const chosen = { y: Number(controls.label.value), none: data.none, w: controls.w.value, eta: 0, seed };
    network.draw({ x: noise(), times, alphaBar, chosen }, (state) => {
      if (state.guess) states.push(state);
      seconds = (performance.now() - start) / 1000;
      if (atOnce) controls.frame.value = states.length - 1;
      show();
    });
  }

  async function play() {
    atOnce = false;
    if (controls.frame.value >= last()) controls.frame.value = 0;
    if (begun || loading) return;
    if (!network) {
      say('The network is on its way.');
      loading = true;
      try {
        network = await drawer(data.network, data.worker);
      } catch (error) {
        stop();
        say('No network lies beside this page. In a notebook, md.viz.live_digits(embed=True) puts it into the figure.', 'warn');
        return;
      } finally {
        loading = false;
      }
    }
    draw();
  }

  // The player strides every 50 ms; a walk is shown in about two seconds, or as fast as it is drawn.
  let strides = 0;
  function stride() {
    if (controls.frame.value < states.length - 1 && ++strides % Math.max(1, Math.round(40 / last())) === 0) {
      controls.frame.value++;
      show();
    }
    return controls.frame.value < last();
  }

  function show() {
    const k = Math.min(controls.frame.value, states.length - 1), t = walk().times[k], w = controls.w.value;
    controls.frame.value = k;
    controls.frame.enabled = states.length > 1;
    const { x, guess: below } = states[k];
    paint(noisy, x, 'x at t = ' + t);
    paint(guess, below, below ? 'the guess of x 0 that led to t = ' + t : 'no guess yet');
    numbers.set({ t: String(t), calls: String(w ? 2 * k : k) });
    say('t = ' + t + ': ' + (k === 0 ? 'nothing but noise. Press Play, and it becomes a ' + controls.label.value + ', in ' + last() + ' steps with w = ' + w + '.' : t === 0 ? 'a digit that nobody has written.'
      : 'the network guesses the digit, and a step goes a little towards it.'));
    taken.textContent = seconds === null ? '' : states.length - 1 + ' of ' + last() + ' steps in ' + seconds.toFixed(1) + ' s, on this machine';
  }

  setAll(controls, data.state);
  wish();
}
