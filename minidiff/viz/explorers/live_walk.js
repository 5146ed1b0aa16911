// live_walk: one digit from noise, by DDPM or DDIM; what the network sees, and what it guesses.

Object.assign(NAMES, { calls: 'calls', sigma: 'fresh noise σ' });
Object.assign(SPOKEN, { t: 'time t', calls: 'calls of the network', sigma: 'standard deviation of the fresh noise of the step that led here' });

// The standard deviation of the noise that a step of DDPM adds.
const spreadOf = (barT, barS) => Math.sqrt((1 - barS) / (1 - barT) * (1 - barT / barS));

function build(root, data) {
  const [who] = data.networks, controls = {}, wish = () => film.wish();

  head(root, 'one digit, from noise step by step', 'One digit, step by step',
    'At every step the network guesses the finished digit, and the step goes a little towards it. Press Play: the network runs in your browser.');
  const { canvases: [noisy, guess], side } = stageOfTwo(root, { width: who.size, height: who.size });
  controls.way = choice(add(side, 'div'), 'way', 'Way', data.ways.map(([way, eta]) => [way, way + ' (η = ' + eta + ')']), wish);
  controls.steps = choice(add(side, 'div'), 'steps', 'Steps', offered(data.steps), wish);
  controls.label = choice(add(side, 'div'), 'label', 'Digit', offered(data.labels), wish);

  const eta = () => data.ways.find(([way]) => way === controls.way.value)[1];

  function write([{ t }], k) {
    const { times, alphaBar } = who.walks[controls.steps.value], sigma = k && eta() * spreadOf(alphaBar[times[k - 1]], alphaBar[t]), spread = sigma ? fixed(sigma) : '0';
    return { t: String(t), calls: String(k), sigma: k ? spread : '–',
      sentence: 't = ' + t + ': ' + (k === 0 ? 'nothing but noise. Press Play, and ' + (times.length - 1) + ' steps of ' + controls.way.value + ' make ' + aDigit(controls.label.value) + ' of it.'
        : t === 0 ? 'the digit is finished. ' + (eta() ? 'The last step adds no noise.' : 'No step added noise: the start decided all.')
          : 'the step went a little towards the guess, and added ' + (eta() ? 'fresh noise of standard deviation ' + spread + '.' : 'no noise.')) };
  }

  const film = filmOf(root, data, {
    controls, write, fresh: true, tiles: ['t', 'calls', 'sigma'],
    walks: (seed) => [walkOf(who, controls.steps.value, startOf(data, who, seed), { y: Number(controls.label.value), w: 0, eta: eta(), seed })],
    paint: ([state]) => paintState(noisy, guess, state),
  });
  film.open();
}
