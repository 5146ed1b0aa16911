// live_ddim: two digits from two noises that are a chosen share of the way apart, with fresh noise or without.

Object.assign(NAMES, { calls: 'calls per digit', apart: 'x<sub>t</sub> apart', guesses: 'x̂<sub>0</sub> apart' });
Object.assign(SPOKEN, { t: 'time t', calls: 'calls of the network for each digit', apart: 'distance of the two noisy pictures',
  guesses: 'distance of the two guesses' });

// Root of the mean squared difference.
const distance = (a, b) => Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / a.length);

function build(root, data) {
  const [who] = data.networks, controls = {}, wish = () => film.wish(), seed = () => data.seed + controls.noise.value - 1;

  head(root, 'two digits that start a little apart', 'Two starts, a little apart',
    'The second digit starts from the noise of the first, turned a share of the way to another. η is how much fresh noise a step adds, to each digit its own. How far apart do the two end?');
  const { rows: [noisy, guess], side } = stageOfRows(root, { width: who.size, height: who.size }, 2, ['x<sub>t</sub>, what the network sees', 'x̂<sub>0</sub>, the digit that it guesses']);
  controls.share = slider(side, 'share', 'Share of the way to another noise', 'share of the way to another noise', data.shares, wish);
  controls.eta = choice(add(side, 'div'), 'eta', 'Fresh noise η', offered(data.etas), wish);
  controls.steps = choice(add(side, 'div'), 'steps', 'Steps', offered(data.steps), wish);
  controls.noise = slider(side, 'noise', 'First noise', 'number of the first noise', data.noises, wish);

  // Both are standard normal, for cos² + sin² = 1.
  function starts() {
    const [first, other] = [0, 1].map((place) => startOf(data, who, seed(), place)), angle = controls.share.value * Math.PI / 2;
    return [first, combine(Math.cos(angle), first, Math.sin(angle), other)];
  }

  function write(states, k) {
    const [one, two] = states, eta = Number(controls.eta.value), start = distance(...starts()).toFixed(2);
    const [apart, guesses] = (states.numbers || [distance(one.x, two.x), k && distance(one.guess, two.guess)]).map((v) => v.toFixed(2));
    return { t: String(one.t), calls: String(k), apart, guesses: k ? guesses : '–',
      sentence: 't = ' + one.t + ': ' + (k === 0 ? (controls.share.value ? 'the two noises are ' + start + ' apart, any two noises about 1.41 (the root of the mean squared difference).' : 'both start from the same noise.') +
          ' Press Play: ' + controls.steps.value + ' steps with η = ' + eta + '.'
        : one.t === 0 ? 'they started ' + start + ' apart and end ' + apart + ' apart. ' + (eta ? 'Fresh noise, to each digit its own, decided too.' : 'No step added noise: only the starts decided.')
          : (eta ? 'each step adds fresh noise, to each digit its own' : 'no step adds noise') + '. The two pictures are ' + apart + ' apart.') };
  }

  const film = filmOf(root, data, {
    controls, write, tiles: ['t', 'calls', 'apart', 'guesses'],
    walks: () => starts().map((x, place) =>
      walkOf(who, controls.steps.value, x, { y: data.label, w: 0, eta: Number(controls.eta.value), seed: seed(), place })),
    paint: (states) => states.forEach((state, j) => paintState(noisy[j], guess[j], state, j ? ', second digit' : ', first digit')),
  });
  film.open();
}
