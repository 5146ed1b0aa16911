// live_flow: a network of diffusion and one of flow matching draw from the same noises, in few steps.

Object.assign(NAMES, { t: 't of diffusion', flow_t: 't of the flow', calls: 'calls per digit' });
Object.assign(SPOKEN, { t: 'time t of diffusion', flow_t: 'time t of the flow', calls: 'calls of the network for each digit' });

function build(root, data) {
  const [diffusion, flow] = data.networks, controls = {}, wish = () => film.wish();

  head(root, 'diffusion and flow in few steps', 'Two networks, few steps',
    'The same four noises, carried to digits by two networks, with as many calls each. How few steps does each of them need?');
  const { rows, side } = stageOfRows(root, { width: diffusion.size, height: diffusion.size }, 4, ['Diffusion, by DDIM', 'Flow matching, by Euler’s steps']);
  controls.steps = choice(add(side, 'div'), 'steps', 'Steps', offered(data.steps), wish);
  controls.label = choice(add(side, 'div'), 'label', 'Digit', offered(data.labels), wish);

  function write(states, k) {
    const n = Number(controls.steps.value), digits = 'four ' + controls.label.value + 's', steps = n === 1 ? 'one step' : n + ' steps';
    return { t: String(states[0].t), flow_t: String(states[rows[0].length].t), calls: String(k),
      sentence: k === 0 ? 'The same four noises for both. Press Play, and ' + steps + (n === 1 ? ' makes ' : ' make ') + digits + ' of them.'
        : k < n ? 'After ' + k + ' of ' + n + ' steps: diffusion has gone back to less noise, the flow has gone on towards data.'
          : 'After ' + steps + ', ' + (n === 1 ? 'one guess each: the flow\'s is near the average digit. Diffusion\'s is coarse, for it divides the network\'s error by √ᾱ, which is 0.006 there.' : 'each network has been asked ' + n + ' times for each digit. Compare the rows, then try fewer steps, and more.') };
  }

  const film = filmOf(root, data, {
    controls, write, fresh: true, tiles: ['t', 'flow_t', 'calls'],
    walks: (seed) => data.networks.flatMap((who, i) => rows[i].map((_, place) =>
      walkOf(who, controls.steps.value, startOf(data, who, seed, place), { y: Number(controls.label.value), w: 0, eta: 0, seed }))),
    paint: (states) => rows.forEach((row, i) => row.forEach((canvas, j) => {
      const { x, t } = states[i * row.length + j];
      paint(canvas, x, (i ? 'flow' : 'diffusion') + ' at t = ' + t + ', digit ' + (j + 1));
    })),
  });
  film.open();
}
