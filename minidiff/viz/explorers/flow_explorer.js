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
    Object.assign(this, { data, path, walks: [], flat: data.means.flat() });
    this.noise = normals(data.seed, 0, 2 * data.points);
  }

  weights(t) { return WEIGHTS[this.path.name](Math.min(t, this.path.end), this.data); }

  // The exact velocity of the mixture: each component's own, by its share of the density.
  velocity(x, t) {
    const [a, b, da, db] = this.weights(t), { flat, data } = this, s2 = data.std ** 2, V = a * a * s2 + b * b;
    const pull = (a * da * s2 + b * db) / V, out = new Float64Array(x.length), gap = new Float64Array(flat.length / 2);
    for (let i = 0; i < x.length; i += 2) {
      let least = Infinity, total = 0, mx = 0, my = 0;
      for (let k = 0; k < flat.length; k += 2) {
        const g = ((x[i] - a * flat[k]) ** 2 + (x[i + 1] - a * flat[k + 1]) ** 2) / (2 * V);
        gap[k / 2] = g;
        if (g < least) least = g;
      }
      for (let k = 0; k < flat.length; k += 2) {
        const share = Math.exp(least - gap[k / 2]);
        total += share;
        mx += share * flat[k];
        my += share * flat[k + 1];
      }
      out[i] = da * mx / total + pull * (x[i] - a * mx / total);
      out[i + 1] = da * my / total + pull * (x[i + 1] - a * my / total);
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
    const { flat, data } = this, [a, b] = this.weights(t);
    const z = this.z || (this.z = normals(data.seed, 1, 2 * data.points));
    return this.noise.map((v, j) => b * v + a * (flat[j % flat.length] + data.std * z[j]));
  }

  // How likely a place is at t, up to a factor that depends on t alone.
  density(x, y, [a, b]) {
    const { flat, data } = this, V = (a * data.std) ** 2 + b * b;
    let sum = 0;
    for (let k = 0; k < flat.length; k += 2) sum += Math.exp(-((x - a * flat[k]) ** 2 + (y - a * flat[k + 1]) ** 2) / (2 * V));
    return sum;
  }
}

const along = (x, h, k) => x.map((v, j) => v + h * k[j]);
const mix2 = (x, y, share) => x.map((v, j) => v + share * (y[j] - v));

// Mean distance of the points of two states.
function apart(x, y) {
  let sum = 0;
  for (let i = 0; i < x.length; i += 2) sum += Math.hypot(x[i] - y[i], x[i + 1] - y[i + 1]);
  return 2 * sum / x.length;
}

// Where an Euler walk is at t: straight from state to state.
function between(walk, t) {
  const n = walk.length - 1, i = Math.min(Math.floor(t * n), n - 1);
  return mix2(walk[i], walk[i + 1], t * n - i);
}

const COLOURS = { ot: 'mdw-a', vp: 'mdw-b', trigonometric: 'mdw-c' }, SHADES = 64;
// A tick at one place of the axis, with another text: the logarithm's place says the number.
const logTick = (v) => ({ valueOf: () => Math.log10(v), toString: () => String(v) });

function build(root, data) {
  const { limit, points } = data, flows = {};
  for (const path of data.paths) flows[path.name] = new Flow(data, path);
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', 'Interactive figure: explorer of flows');
  add(root, 'div', { class: 'mdw-title' }, 'Carry noise to data by a flow');
  add(root, 'div', { class: 'mdw-hint' }, 'Blue: particles that start as noise at t = 0 and take n Euler steps along the exact velocity. Orange: the one that is followed; green: what it is compared with. Shading: where the exact flow has them at t. Move t, or press Play.');

  const stage = add(root, 'div', { class: 'mdw-stage' });
  const left = add(stage, 'div', { style: 'flex:1 1 260px;min-width:0;max-width:440px' }), square = add(left, 'div', { style: 'position:relative' });
  const shade = add(square, 'canvas', { width: SHADES, height: SHADES, 'aria-hidden': 'true', style: 'position:absolute;opacity:.4' });
  const svg = add(square, 'svg', { role: 'img', style: 'position:relative;display:block;width:100%' });
  const controls = {}, time = add(left, 'div', { class: 'mdw-time', style: 'margin-top:6px;grid-template-columns:1fr' });
  const count = (n, first) => Array.from({ length: n }, (_, i) => i + first);
  controls.t = slider(time, 't', 'Time t', 'time t', count(101, 0).map((k) => k / 100), () => { stop(); update(); });
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  button(buttons, 'Back to noise', () => { stop(); go(0); });
  const play = button(buttons, 'Play', () => {});

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
  const stop = player(play, say, () => { if (controls.t.value === 1) go(0); }, () => {
    go(Math.round(100 * controls.t.value + 1) / 100);
    return controls.t.value < 1;
  });

  function go(t) { controls.t.value = Math.min(1, t); update(); }

  function update() {
    const t = controls.t.value, n = controls.steps.value, flow = flows[controls.path.value], compare = controls.compare.value;
    const x = between(flow.walk(n), t), i = 2 * (controls.particle.value - 1);
    const texts = { error: flow.error(n).toFixed(3), gap: apart(x, flow.exact[Math.round(100 * t)]).toFixed(3),
      straightness: flow.straightness.toFixed(3), position: '(' + x[i].toFixed(3) + ', ' + x[i + 1].toFixed(3) + ')' };
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
    const width = Math.round(square.clientWidth) || 300, west = 26, top = 6, size = width - west - 8;
    const X = (v) => west + (v + limit) / (2 * limit) * size, Y = (v) => top + (limit - v) / (2 * limit) * size;
    const inside = (state, i) => Math.abs(state[2 * i]) <= limit && Math.abs(state[2 * i + 1]) <= limit;
    const place = (state, i) => X(state[2 * i]).toFixed(1) + ' ' + Y(state[2 * i + 1]).toFixed(1);
    const line = (name, colour, wide, d, more) => { if (d) add(svg, 'path', { 'data-part': name, d, fill: 'none', style: 'stroke:var(--mdw-' + colour + ');stroke-width:' + wide + ';' + (more || '') }); };
    // Way and dot of particle i through some states; the way is broken where it leaves the frame.
    function way(states, i) {
      let d = '', pen = 'M';
      for (const state of states) {
        if (!inside(state, i)) { pen = 'M'; continue; }
        d += pen + place(state, i);
        pen = 'L';
      }
      return d;
    }
    const others = count(points, 0).filter((i) => i !== followed), all = (d, some) => some.map(d).join('');
    const dots = (state, some) => all((i) => inside(state, i) ? 'M' + place(state, i) + 'h0' : '', some);
    svg.replaceChildren();
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + (size + top + 22));
    add(svg, 'rect', { class: 'mdw-axis', x: west, y: top, width: size, height: size });
    for (const tick of [-2, 0, 2]) {
      add(svg, 'text', { x: west - 6, y: Y(tick) + 4, 'text-anchor': 'end' }, String(tick).replace('-', '−'));
      add(svg, 'text', { x: X(tick), y: top + size + 16, 'text-anchor': 'middle' }, String(tick).replace('-', '−'));
    }
    paint(flow, t);
    Object.assign(shade.style, { left: west + 'px', top: top + 'px', width: size + 'px', height: size + 'px' });

    if (compare !== 'none') {
      const fine = count(26, 0).map((k) => compare === 'exact' ? flow.exact[4 * k] : flow.pairs(k / 25));
      const now = compare === 'exact' ? flow.exact[Math.round(100 * t)] : flow.pairs(t);
      line('compare', 'dim', 0.8, all((i) => way(fine, i), others), 'opacity:.6');
      line('compare-followed', 'c', 1.6, way(fine, followed));
      line('compare-now', 'dim', 3, dots(now, others), 'stroke-linecap:round;opacity:.8');
      line('compare-followed-now', 'c', 6, dots(now, [followed]), 'stroke-linecap:round');
    }
    const past = walk.slice(0, Math.ceil(t * n - 1e-9)).concat([x]);
    line('ways', 'a', 1.1, all((i) => way(past, i), others), 'opacity:.75;stroke-linejoin:round');
    line('points', 'a', 5, dots(x, others), 'stroke-linecap:round');
    line('followed-way', 'b', 2.2, way(past, followed), 'stroke-linejoin:round');
    line('followed', 'b', 9, dots(x, [followed]), 'stroke-linecap:round');
    const text = (name) => numbers.row.querySelector('[data-readout=' + name + ']').textContent;
    svg.setAttribute('aria-label', points + ' particles in the plane at t = ' + t + ', on average ' + text('gap') + ' from the exact flow; number ' + (followed + 1) + ' is at ' + text('position'));

    const table = data.paths.map((path) => count(data.most_steps, 1).map((k) => Math.log10(flows[path.name].error(k))));
    const known = table.flat().filter(isFinite), low = Math.max(-6, Math.floor(Math.min(-1, ...known))), high = Math.ceil(2 * Math.max(0, ...known)) / 2;
    const powers = count(Math.floor(high) - low + 1, low);
    const map = errors.axes(0, Math.log10(data.most_steps), [1, 2, 5, 10, 20, 50].map(logTick), low, high, powers,
      (node, y) => { node.textContent = String(Number((10 ** y).toPrecision(1))); }, 'n');
    add(errors.svg, 'path', { class: 'mdw-cursor', d: 'M' + map.X(Math.log10(n)) + ' 8V156' });
    data.paths.forEach((path, p) => errors.curve(map, COLOURS[path.name], table[p], 0, (j) => Math.log10(j + 1)));
    data.paths.forEach((path, p) => { if (flows[path.name] === flow) errors.dot(map, COLOURS[path.name], Math.log10(n), table[p][n - 1]); });
    errors.svg.setAttribute('aria-label', 'Curves of the error at t = 1 over the number of Euler steps. With ' + n + ': ' +
      data.paths.map((path) => path.label + ' ' + flows[path.name].error(n).toFixed(3)).join(', '));
  }

  // The density of the exact flow as a see-through blue that goes with a light page and with a dark one.
  function paint(flow, t) {
    const context = shade.getContext('2d'), image = context.createImageData(SHADES, SHADES), density = new Float64Array(SHADES * SHADES), level = flow.weights(t);
    for (let i = 0; i < density.length; i++) {
      const x = ((i % SHADES + 0.5) / SHADES * 2 - 1) * limit, y = (1 - (Math.floor(i / SHADES) + 0.5) / SHADES * 2) * limit;
      density[i] = flow.density(x, y, level);
    }
    const most = density.reduce((a, v) => Math.max(a, v), 0);
    density.forEach((v, i) => image.data.set([60, 140, 200, Math.round(255 * v / most)], 4 * i));
    context.putImageData(image, 0, 0);
  }

  for (const name in data.state) controls[name].value = data.state[name];
  update();
  whenResized(root, draw);
}
