// flow_explorer: particles in the plane, carried from noise to data by the exact velocity.

Object.assign(NAMES, { error: 'error at t = 1', gap: 'error at t', straightness: 'S of the flow', position: 'followed particle' });
Object.assign(SPOKEN, { error: 'mean distance from the exact flow at t = 1', gap: 'mean distance from the exact flow at t',
  straightness: 'straightness of the exact flow, 0 is straight', position: 'place of the followed particle' });

// ---- the paths: [a, b, and how fast both change], the twin of minidiff.flow.paths -------------------

const WEIGHTS = {
  ot: (t) => [t, 1 - t, 1, -1],
  vp(t, { beta_min, beta_max }) {
    const s = 1 - t, total = beta_min * s + (beta_max - beta_min) / 2 * s * s, beta = beta_min + (beta_max - beta_min) * s;
    const a = Math.exp(-total / 2), b = Math.sqrt(-Math.expm1(-total));
    return [a, b, a * beta / 2, -a * a * beta / (2 * b)];
  },
  trigonometric(t) {
    const q = Math.PI / 2, a = Math.sin(q * t), b = Math.sin(q * (1 - t));
    return [a, b, q * b, -q * a];
  },
};

// ---- the flow: coordinates stand x, y, x, y ---------------------------------------------------------

class Flow {
  constructor(data, path) {
    Object.assign(this, { data, path, walks: [] });
    this.noise = normals(data.seed, 0, 2 * data.points);
  }

  weights(t) { return WEIGHTS[this.path.name](Math.min(t, this.path.end), this.data); }

  // What a place x at t is measured by: N(a·m_k, V I) for each centre.
  spread(t) {
    const [a, b] = this.weights(t);
    return { a, V: (a * this.data.std) ** 2 + b * b };
  }

  // The exact velocity of the mixture: each component's own, by its share of the density.
  velocity(x, t) {
    const [a, b, da, db] = this.weights(t), { V } = this.spread(t), { means, std } = this.data;
    const pull = (a * da * std ** 2 + b * db) / V, out = new Float64Array(x.length);
    for (let i = 0; i < x.length; i += 2) {
      const { mean } = mixtureAt(means, a, V, x[i], x[i + 1]);
      for (const j of [0, 1]) out[i + j] = da * mean[j] + pull * (x[i + j] - a * mean[j]);
    }
    return out;
  }

  // States of n Euler steps.
  walk(n) {
    if (!this.walks[n]) {
      const states = [this.noise];
      for (let i = 0; i < n; i++) states.push(along(states[i], (i + 1) / n - i / n, this.velocity(states[i], i / n)));
      this.walks[n] = states;
    }
    return this.walks[n];
  }

  // The same by "rk4" with many steps: as good as exact.
  get exact() {
    if (!this.fine) {
      const n = this.data.exact, states = [this.noise];
      for (let i = 0; i < n; i++) {
        const x = states[i], t = i / n, h = (i + 1) / n - t, ask = (k, share, c) => this.velocity(along(x, share * h, k), t + c * h);
        const k1 = this.velocity(x, t), k2 = ask(k1, 0.5, 0.5), k3 = ask(k2, 0.5, 0.5), k4 = ask(k3, 1, 1);
        states.push(x.map((v, j) => v + h * (k1[j] / 6 + k2[j] / 3 + k3[j] / 3 + k4[j] / 6)));
      }
      this.fine = states;
    }
    return this.fine;
  }

  error(n) { return apart(this.walk(n)[n], this.exact[this.data.exact]); }

  // The integral of |whole way - velocity|², mean over the particles.
  get straightness() {
    const x = this.exact, n = x.length - 1;
    let sum = 0;
    for (let i = 0; i < n; i++) x[i].forEach((v, j) => { sum += (x[n][j] - x[0][j] - n * (x[i + 1][j] - v)) ** 2 / n; });
    return sum / this.data.points;
  }

  // Where the paths of random pairs are: pair i joins particle i's start to an example of component i mod K.
  pairs(t) {
    const { means, std, seed, points } = this.data, [a, b] = this.weights(t);
    const z = this.z || (this.z = normals(seed, 1, 2 * points));
    return this.noise.map((v, j) => b * v + a * (means[(j >> 1) % means.length][j % 2] + std * z[j]));
  }
}

const along = (x, h, k) => x.map((v, j) => v + h * k[j]);
const at = (state, i) => [state[2 * i], state[2 * i + 1]];

// Mean distance of the points of two states.
function apart(x, y) {
  let sum = 0;
  for (let i = 0; i < x.length; i += 2) sum += Math.hypot(x[i] - y[i], x[i + 1] - y[i + 1]);
  return 2 * sum / x.length;
}

// Where an Euler walk is at t: straight from state to state.
function between(walk, t) {
  const n = walk.length - 1, i = Math.min(Math.floor(t * n), n - 1);
  return walk[i].map((v, j) => v + (t * n - i) * (walk[i + 1][j] - v));
}

const COLOURS = { ot: 'mdw-a', vp: 'mdw-b', trigonometric: 'mdw-c' };

function build(root, data) {
  const { points } = data, flows = {};
  for (const path of data.paths) flows[path.name] = new Flow(data, path);
  head(root, 'explorer of flows', 'Carry noise to data by a flow',
    'Blue: particles that start as noise at t = 0 and take n Euler steps along the exact velocity. Orange: the one that is followed; green: what it is compared with. Shading: where the exact flow has them at t. Move t, or press Play.');

  const stage = add(root, 'div', { class: 'mdw-stage' }), plane = new Plane(stage, data.limit);
  const controls = {}, time = add(plane.column, 'div', { class: 'mdw-time', style: 'margin-top:6px;grid-template-columns:1fr' });
  const count = (n, first) => Array.from({ length: n }, (_, i) => i + first);
  controls.t = slider(time, 't', 'Time t', 'time t', count(101, 0).map((k) => k / 100), () => { stop(); update(); });
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  button(buttons, 'Back to noise', () => { stop(); go(0); });
  const stop = player(buttons, () => say, () => { if (controls.t.value === 1) go(0); }, () => {
    go(Math.round(100 * controls.t.value + 1) / 100);
    return controls.t.value < 1;
  });

  const side = add(stage, 'div', { class: 'mdw-side mdw-rows', style: 'flex-basis:230px' }), row = () => add(side, 'div');
  controls.path = choice(row(), 'path', 'Path', data.paths.map((path) => [path.name, path.label]), update);
  controls.steps = slider(row(), 'steps', 'Euler steps n', 'number of Euler steps', count(data.most_steps, 1), update);
  controls.compare = choice(row(), 'compare', 'Thin lines', [['exact', 'the exact flow'], ['pairs', 'paths of random pairs'], ['none', 'none']], update);
  controls.particle = slider(row(), 'particle', 'Followed particle', 'followed particle', count(points, 1), update);
  const errors = new Plot(row(), { title: 'Error at t = 1 of n Euler steps',
    keys: data.paths.map((path) => [COLOURS[path.name], path.label]),
    onPick: (share) => { controls.steps.value = Math.round(data.most_steps ** share); update(); } });
  const numbers = tiles(root, ['error', 'gap', 'straightness', 'position']);
  numbers.row.style.gridTemplateColumns = 'repeat(auto-fit, minmax(140px, 1fr))';
  const say = sentence(root);

  function go(t) { controls.t.value = Math.min(1, t); update(); }

  function update() {
    const t = controls.t.value, n = controls.steps.value, flow = flows[controls.path.value], compare = controls.compare.value;
    const x = between(flow.walk(n), t);
    const texts = { error: flow.error(n).toFixed(3), gap: apart(x, flow.exact[Math.round(100 * t)]).toFixed(3),
      straightness: flow.straightness.toFixed(3), position: vector(at(x, controls.particle.value - 1)) };
    numbers.set(texts);
    const many = n + ' Euler step' + (n > 1 ? 's' : '');
    say((t === 0 ? 't = 0: pure noise. With ' + many + ' to t = 1 the particles end ' + texts.error + ' from the exact flow, on average.'
      : t === 1 ? 't = 1: after ' + many + ' the particles are ' + texts.error + ' from the ends of the exact flow, on average.'
        : 't = ' + t.toFixed(2) + ': with ' + many + ' the particles are ' + texts.gap + ' from the exact flow, on average; at t = 1 it will be ' + texts.error + '.') +
      (compare === 'exact' ? ' Thin lines: the exact flow. Its ways never meet at the same time.'
        : compare === 'pairs' ? ' Thin lines: the paths of random pairs, one from each start. They cross as they like.' : ''));
    draw();
  }

  function draw() {
    const t = controls.t.value, n = controls.steps.value, flow = flows[controls.path.value], compare = controls.compare.value;
    const walk = flow.walk(n), x = between(walk, t), followed = controls.particle.value - 1;
    const others = count(points, 0).filter((i) => i !== followed), dots = (state, some) => plane.dots(some.map((i) => at(state, i)));
    const way = (states, i) => plane.way(states.map((state) => at(state, i))), ways = (states) => others.map((i) => way(states, i)).join('');
    const round = 'stroke-linecap:round', level = flow.spread(t);
    plane.clear();
    plane.shade((px, py) => mixtureAt(data.means, level.a, level.V, px, py).log);

    if (compare !== 'none') {
      const fine = count(26, 0).map((k) => compare === 'exact' ? flow.exact[4 * k] : flow.pairs(k / 25));
      const now = compare === 'exact' ? flow.exact[Math.round(100 * t)] : flow.pairs(t);
      plane.line('compare', 'dim', 0.8, ways(fine), 'opacity:.6');
      plane.line('compare-followed', 'c', 1.6, way(fine, followed));
      plane.line('compare-now', 'dim', 3, dots(now, others), round + ';opacity:.8');
      plane.line('compare-followed-now', 'c', 6, dots(now, [followed]), round);
    }
    const past = walk.slice(0, Math.ceil(t * n - 1e-9)).concat([x]);
    plane.line('ways', 'a', 1.1, ways(past), 'opacity:.75');
    plane.line('points', 'a', 5, dots(x, others), round);
    plane.line('followed-way', 'b', 2.2, way(past, followed));
    plane.line('followed', 'b', 9, dots(x, [followed]), round);
    const text = (name) => numbers.row.querySelector('[data-readout=' + name + ']').textContent;
    plane.svg.setAttribute('aria-label', points + ' particles in the plane at t = ' + t + ', on average ' + text('gap') + ' from the exact flow; number ' + (followed + 1) + ' is at ' + text('position'));

    const table = data.paths.map((path) => count(data.most_steps, 1).map((k) => Math.log10(flows[path.name].error(k))));
    const known = table.flat().filter(isFinite), low = Math.max(-6, Math.floor(Math.min(-1, ...known))), high = Math.ceil(2 * Math.max(0, ...known)) / 2;
    const powers = count(Math.floor(high) - low + 1, low);
    const map = errors.axes(0, Math.log10(data.most_steps), [1, 2, 5, 10, 20, 50].map((n) => tick(Math.log10(n), n)), low, high, powers,
      (node, y) => { node.textContent = String(Number((10 ** y).toPrecision(1))); }, 'n');
    errors.cursor(map, Math.log10(n));
    data.paths.forEach((path, p) => errors.curve(map, COLOURS[path.name], table[p], 0, (j) => Math.log10(j + 1)));
    data.paths.forEach((path, p) => { if (flows[path.name] === flow) errors.dot(map, COLOURS[path.name], Math.log10(n), table[p][n - 1]); });
    errors.svg.setAttribute('aria-label', 'Curves of the error at t = 1 over the number of Euler steps. With ' + n + ': ' +
      data.paths.map((path) => path.label + ' ' + flows[path.name].error(n).toFixed(3)).join(', '));
  }

  setAll(controls, data.state);
  update();
  whenResized(root, draw);
}
