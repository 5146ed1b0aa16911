// guidance_field: score, classifier's gradient and their sum in the plane, all of them exact.

Object.assign(NAMES, {
  probability: 'q(y | x<sub>t</sub>)', score: '∇ log q(x<sub>t</sub>)',
  gradient: '∇ log q(y | x<sub>t</sub>)', guided: 'score + s · gradient',
});
Object.assign(SPOKEN, {
  probability: 'probability of the class at the probe', score: 'score at the probe',
  gradient: 'gradient of the classifier at the probe', guided: 'guided score at the probe',
});

// At (x, y), with the class's own centres: the two gradients, and the logarithms of both densities up to one common number.
function look(data, left, ownMeans, x, y) {
  const a = Math.sqrt(left), V = left * data.std ** 2 + 1 - left;
  const part = (means) => {
    const { mean: [mx, my], log } = mixtureAt(means, a, V, x, y);
    return { score: [(a * mx - x) / V, (a * my - y) / V], log };
  };
  const all = part(data.means), own = part(ownMeans);
  // Bayes: log q(y | x) = log q(x, y) - log q(x), and so for the gradients.
  return { score: all.score, gradient: [own.score[0] - all.score[0], own.score[1] - all.score[1]],
    logDensity: all.log, logShare: own.log - all.log };
}

function build(root, data) {
  const { T } = data, table = rescaledLinear(T);
  head(root, 'guidance in the plane', 'Guidance in the plane',
    'The numbers mark the clouds of each class. Shading: the density whose score the guided arrows are. Press in the picture to move the probe.');

  const stage = add(root, 'div', { class: 'mdw-stage' }), plane = new Plane(stage, data.limit);
  const stroke = (colour) => 'class="mdw-curve" style="stroke:var(--mdw-' + colour + ');stroke-width:3"';
  const keys = [['a', 'score'], ['c', 's · gradient'], ['b', 'their sum, the guided score']].map(([colour, text]) => [stroke(colour), text]);
  add(plane.column, 'div', { class: 'mdw-caption', html: '<span>At the probe: ' + legend(keys) + '</span>' });

  const side = add(stage, 'div', { class: 'mdw-side mdw-rows' }), row = () => add(side, 'div'), controls = {};
  controls.y = choice(row(), 'y', 'Class y asked for', data.classes.map((k) => [k, k]), update);
  controls.show = choice(row(), 'show', 'Arrows', [['guided', 'guided score'], ['score', 'score'], ['gradient', 'classifier’s gradient']], update);
  controls.s = slider(row(), 's', 'Guidance scale s', 'guidance scale s', data.scales, update);
  controls.t = slider(row(), 't', 'Time t', 'time t', null, update);
  controls.t.input.min = 1;
  controls.t.max = T;
  controls.x1 = slider(row(), 'x1', 'Probe, left to right', 'probe, left to right', data.places, update);
  controls.x2 = slider(row(), 'x2', 'Probe, bottom to top', 'probe, bottom to top', data.places, update);
  button(add(side, 'div'), 'Reset', reset);
  const numbers = tiles(root, ['alpha_bar_t', 'probability', 'score', 'gradient', 'guided']);
  numbers.row.style.gridTemplateColumns = 'repeat(auto-fit, minmax(min(136px, 50% - 4px), 1fr))';
  // A vector of large numbers needs twice the width.
  for (const tile of [...numbers.row.children].slice(2)) tile.style.gridColumn = 'span 2';
  const say = sentence(root);

  const snap = (v) => data.places.reduce((best, place) => Math.abs(place - v) < Math.abs(best - v) ? place : best);
  plane.whenPressed((x, y) => {
    controls.x1.value = snap(x);
    controls.x2.value = snap(y);
    update();
  });

  function reset() { setAll(controls, data.state); update(); }

  function update() {
    const { y, s, t, x1, x2 } = valuesOf(controls), left = table.alphaBar[t], own = data.means.filter((_, k) => String(data.labels[k]) === y);
    const at = (px, py) => {
      const seen = look(data, left, own, px, py);
      return { ...seen, guided: [0, 1].map((i) => seen.score[i] + s * seen.gradient[i]) };
    };
    const probe = [x1, x2], here = at(...probe);
    const texts = { alpha_bar_t: number(left), probability: fixed(Math.exp(here.logShare)), score: vector(here.score),
      gradient: vector(here.gradient), guided: vector(here.guided) };
    numbers.set(texts);
    const meaning = s === 0 ? 's = 0: no guidance, the arrow is the score; class ' + y + ' is not asked for.'
      : s === 1 ? 's = 1: Bayes’ rule, the arrow is the exact score of class ' + y + ' alone.'
        : 's = ' + s + ': the arrow aims ' + (s > 1 ? 'further from the other classes than class ' + y + ' itself lies.'
          : 'between all classes (s = 0) and class ' + y + ' alone (s = 1).');
    say(meaning + ' At the probe: ' + texts.score + ' + ' + s + ' · ' + texts.gradient + ' = ' + texts.guided + '.');
    draw(left, s, at, probe, here);
  }

  function draw(left, s, at, probe, here) {
    const a = Math.sqrt(left), noise = Math.sqrt(1 - left);
    plane.clear();
    // The density q(x) q(y | x)^s.
    plane.shade((x, y) => { const seen = at(x, y); return seen.logDensity + s * seen.logShare; });
    // Arrows as long as the guessed noise: the score times its standard deviation.
    plane.line('field', 'dim', 1.1, plane.arrows((x, y) => at(x, y)[controls.show.value].map((v) => noise * v)));
    data.means.forEach(([mx, my], k) => {
      const label = add(plane.svg, 'text', { x: plane.X(a * mx), y: plane.Y(a * my) + 6, 'text-anchor': 'middle', style: 'font-size:17px;font-weight:700;fill:var(--mdw-text);stroke:var(--mdw-bg);stroke-width:3;paint-order:stroke' }, String(data.labels[k]));
      label.setAttribute('aria-hidden', 'true');
    });
    // The three arrows at the probe share one scale, so that the sum can be seen as a sum.
    const three = [['score', 'a', here.score], ['push', 'c', here.gradient.map((v) => s * v)], ['sum', 'b', here.guided]];
    const longest = Math.max(...three.map(([, , v]) => Math.hypot(...v))), unit = Math.min(noise, 1.2 / (longest || 1));
    for (const [name, colour, v] of three) plane.line(name, colour, 2.6, plane.arrow(probe, v.map((part) => unit * part)));
    add(plane.svg, 'circle', { class: 'mdw-dot mdw-b', cx: plane.X(probe[0]), cy: plane.Y(probe[1]), r: 5 });
    plane.svg.setAttribute('aria-label', 'Field of arrows in the plane and, at the probe (' + probe.join(', ') + '), the score ' + vector(here.score) + ' and the guided score ' + vector(here.guided));
  }

  reset();
  whenResized(root, update);
}
