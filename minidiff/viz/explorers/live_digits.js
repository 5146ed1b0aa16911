// live_digits: a network draws a digit while one looks, in the page itself.

Object.assign(NAMES, { calls: 'calls' });
Object.assign(SPOKEN, { t: 'time t', calls: 'calls of the network' });

function build(root, data) {
  const [who] = data.networks, controls = {}, wish = () => film.wish();

  head(root, 'digits drawn by a network in this page', 'From noise to a digit, in this page',
    'Choose a digit and press Play. The network runs in your browser; nothing is sent anywhere.');
  const { canvases: [noisy, guess], side } = stageOfTwo(root, { width: who.size, height: who.size });
  controls.label = choice(add(side, 'div'), 'label', 'Digit', offered(data.labels), wish);
  controls.steps = choice(add(side, 'div'), 'steps', 'Steps', offered(data.steps), wish);
  controls.w = slider(side, 'w', 'Guidance <i>w</i>', 'guidance weight w', data.weights, wish);

  function write([{ t }], k) {
    const w = controls.w.value, n = controls.steps.value;
    return { t: String(t), calls: String(w ? 2 * k : k),
      sentence: 't = ' + t + ': ' + (k === 0 ? 'nothing but noise. Press Play, and it becomes ' + aDigit(controls.label.value) + ', in ' + n + ' steps with w = ' + w + '.'
        : t === 0 ? 'a digit that nobody has written.' : 'the network guesses the digit, and a step goes a little towards it.') };
  }

  const film = filmOf(root, data, {
    controls, write, fresh: true, tiles: ['t', 'calls'],
    walks: (seed) => [walkOf(who, controls.steps.value, startOf(data, who, seed), { y: Number(controls.label.value), w: controls.w.value, eta: 0, seed })],
    paint: ([state]) => paintState(noisy, guess, state),
  });
  film.open();
}
