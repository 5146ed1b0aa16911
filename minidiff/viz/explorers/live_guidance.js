// live_guidance: four digits at once, with as much guidance as one likes.

Object.assign(NAMES, { calls: 'calls per digit', scale: 's = 1 + w' });
Object.assign(SPOKEN, { t: 'time t', calls: 'calls of the network for each digit', scale: 'guidance scale s, 1 plus w' });

function build(root, data) {
  const controls = {}, wish = () => film.wish(), who = () => data.networks.find(({ network }) => network === controls.network.value);

  head(root, 'four digits with guidance', 'Four digits, pulled towards their label',
    'Press Play, then move w: the same four noises are drawn again. With w = 0 the label is asked for, with more it is asked for more strongly.');
  const { rows: [noisy, guess], side } = stageOfRows(root, { width: 1, height: 1 }, 4, ['x<sub>t</sub>, what the network sees', 'x̂<sub>0</sub>, the digits that it guesses']);
  controls.w = slider(side, 'w', 'Guidance <i>w</i>', 'guidance weight w', data.weights, wish);
  controls.label = choice(add(side, 'div'), 'label', 'Digit', offered(data.labels), wish);
  controls.network = choice(add(side, 'div'), 'network', 'Network', data.networks.map(({ network, size }, i) => [network, (i ? 'larger, ' : '') + size + ' × ' + size]), wish);

  function write([{ t }], k) {
    const w = controls.w.value, digits = 'four ' + controls.label.value + 's';
    return { t: String(t), calls: String(w ? 2 * k : k), scale: String(1 + w),
      sentence: 't = ' + t + ': ' + (k === 0 ? 'nothing but noise. Press Play, and it becomes ' + digits + ', with w = ' + w + '.'
        : t === 0 ? digits + (w ? ', pulled towards their label. Are they clearer than with w = 0? Are they more alike?' : ' without guidance. Move w: the same noises are drawn with it.')
          : w ? 'the network answers twice a step, with the label and without. The first answer is pushed on by ' + w + ' times the difference.' : 'the network is asked once a step, with the label.') };
  }

  const film = filmOf(root, data, {
    controls, write, fresh: true, tiles: ['t', 'calls', 'scale'],
    walks: (seed) => noisy.map((_, place) =>
      walkOf(who(), data.steps[0], startOf(data, who(), seed, place), { y: Number(controls.label.value), w: controls.w.value, eta: 0, seed })),
    paint: (states) => states.forEach((state, j) => paintState(noisy[j], guess[j], state, ', digit ' + (j + 1))),
  });
  film.open();
}
