// reverse_explorer: points of noise in the plane, walked back to data by the exact denoiser.

Object.assign(NAMES, { distance: 'x<sub>t</sub> to a centre', guess: 'x̂<sub>0</sub> to a centre', near: 'near a centre' });
Object.assign(SPOKEN, { distance: 'mean distance from x t to the nearest centre', guess: 'mean distance from the guess of x 0 to the nearest centre',
  near: 'points within two standard deviations of a centre' });

// ---- the exact denoiser ---------------------------------------------------------------------------

// What is alike for all places at one t: the factors of x_0 and of the noise, and the variance V.
const levelAt = (set, left) => ({ a: Math.sqrt(left), b: Math.sqrt(1 - left), V: left * set.std ** 2 + 1 - left });

// The best guess of the noise in x_t = (x, y).
function epsAt(set, { a, b, V }, x, y) {
  const [mx, my] = mixtureAt(set.means, a, V, x, y).mean;
  return [b * (x - a * mx) / V, b * (y - a * my) / V];
}

// The guess of x_0 that goes with it: all noise removed, all shrinking undone.
function guessAt(set, level, x, y) {
  if (level.b === 0) return [x, y];
  const eps = epsAt(set, level, x, y);
  return [(x - level.b * eps[0]) / level.a, (y - level.b * eps[1]) / level.a];
}

function nearest(set, [x, y]) {
  return Math.sqrt(Math.min(...set.means.map(([mx, my]) => (x - mx) ** 2 + (y - my) ** 2)));
}

// x_T, ..., x_0 of one walk, each computed when it is first asked for. Coordinates stand x, y, x, y.
class Walk {
  constructor(set, table, start, noise, n) {
    Object.assign(this, { set, table, noise, known: table.T, states: [] });
    this.states[table.T] = normals(start, 0, 2 * n);
  }
  at(t) {
    while (this.known > t) this.step(this.known--);
    return this.states[t];
  }
  step(t) {
    const { alphaBar, beta } = this.table, left = alphaBar[t], next = alphaBar[t - 1], level = levelAt(this.set, left);
    const variance = (1 - next) / (1 - left) * beta[t], x = this.states[t], out = new Float64Array(x.length);
    const z = t > 1 && this.noise ? normals(this.noise, t, x.length) : new Float64Array(x.length);
    const towards = Math.sqrt(next), keep = Math.sqrt(Math.max(1 - next - variance, 0)), spread = Math.sqrt(variance);
    for (let i = 0; i < x.length; i += 2) {
      const eps = epsAt(this.set, level, x[i], x[i + 1]);
      for (const j of [0, 1]) {
        const clean = (x[i + j] - level.b * eps[j]) / level.a;
        out[i + j] = towards * clean + keep * eps[j] + spread * z[i + j];
      }
    }
    this.states[t - 1] = out;
  }
}

const FOLLOWED = 8;

function build(root, data) {
  const { T, points, radius, sets } = data, table = rescaledLinear(T);
  head(root, 'explorer of the reverse process', 'Walk noise back to data',
    'Every point starts as noise at t = T. Move t to the left, or press Play. Shading: where points at t are likely. Orange: eight of the points, with the way they came.');

  const stage = add(root, 'div', { class: 'mdw-stage' }), plane = new Plane(stage, data.limit);
  const controls = {}, time = add(plane.column, 'div', { class: 'mdw-time', style: 'margin-top:6px;grid-template-columns:1fr' });
  controls.t = slider(time, 't', 'Time t', 'time t', null, () => { stop(); update(); });
  controls.t.max = T;
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  button(buttons, 'Back to noise', () => { stop(); go(T); });
  const stop = player(buttons, () => say, () => { if (controls.t.value === 0) go(T); }, () => {
    go(controls.t.value - strideOf(T));
    return controls.t.value > 0;
  });

  const side = add(stage, 'div', { class: 'mdw-side mdw-rows' }), row = () => add(side, 'div');
  controls.data = choice(row(), 'data', 'Data', sets.map((set) => [set.name, set.label]), restart);
  controls.start = choice(row(), 'start', 'Start: which noise at t = T', data.starts.map((k) => [String(k), 'seed ' + k]), restart);
  controls.noise = choice(row(), 'noise', 'Fresh noise in each step', data.noises.map((k) => [k, k === 'none' ? k : 'seed ' + k]), restart);
  controls.show = choice(row(), 'show', 'Draw', [['score', 'arrows: the score'], ['guess', 'lines: to the guess of x₀']], update);
  const numbers = tiles(side, ['alpha_bar_t', 'distance', 'guess', 'near']);
  numbers.row.style.gridTemplateColumns = 'repeat(2, minmax(0, 1fr))';
  const say = sentence(root);
  let walk, set;

  function go(t) { controls.t.value = Math.max(0, t); update(); }

  function restart() {
    set = sets.find((one) => one.name === controls.data.value);
    walk = new Walk(set, table, Number(controls.start.value), Number(controls.noise.value) || 0, points);
    update();
  }

  function update() {
    const t = controls.t.value, x = walk.at(t), level = levelAt(set, table.alphaBar[t]);
    const pairs = Array.from({ length: points }, (_, i) => [x[2 * i], x[2 * i + 1]]);
    const guesses = pairs.map(([px, py]) => guessAt(set, level, px, py));
    const mean = (places) => places.reduce((sum, place) => sum + nearest(set, place), 0) / points;
    const r = radius * set.std, near = pairs.filter((place) => nearest(set, place) <= r).length + ' of ' + points;
    const texts = { alpha_bar_t: number(table.alphaBar[t]), distance: mean(pairs).toFixed(3), guess: mean(guesses).toFixed(3), near };
    numbers.set(texts);
    const where = near + ' points lie within ' + r.toFixed(2) + ' of a centre';
    const seen = t === 0 ? '' : controls.show.value === 'score' ? ' The arrows point where x is likelier.' : ' The lines lead to the guesses of x₀.';
    say((t === T ? 't = ' + T + ': pure noise; ' + where + ' by chance. Walk back: move t to the left.'
      : t === 0 ? 't = 0: the walk is over' + (controls.noise.value === 'none' ? ', and no step added fresh noise' : '') + '. ' + where + '.'
        : 't = ' + t + ': ' + where + '. Their guesses of x₀ are ' + texts.guess + ' from one, on average.') + seen);
    draw(t, level, pairs, guesses);
  }

  function draw(t, level, pairs, guesses) {
    plane.clear();
    plane.shade((x, y) => mixtureAt(set.means, level.a, level.V, x, y).log);
    // The score times the noise's standard deviation is as long as the guessed noise, and points against it.
    if (controls.show.value === 'score' && t > 0) plane.line('score', 'dim', 1.2, plane.arrows((x, y) => epsAt(set, level, x, y).map((v) => -v)));
    if (controls.show.value === 'guess') plane.line('guess', 'c', 1, pairs.map((p, i) => plane.inside(p) && plane.inside(guesses[i]) ? plane.way([p, guesses[i]]) : '').join(''), 'opacity:.7');
    plane.line('points', 'a', 4.5, plane.dots(pairs.slice(FOLLOWED)), 'stroke-linecap:round');
    plane.line('trail', 'b', 1.3, Array.from({ length: FOLLOWED }, (_, i) => plane.way(trail(t, i))).join(''));
    plane.line('followed', 'b', 8, plane.dots(pairs.slice(0, FOLLOWED)), 'stroke-linecap:round');
    plane.svg.setAttribute('aria-label', points + ' points in the plane at t = ' + t + ', on average ' + numbers.row.querySelector('[data-readout=distance]').textContent + ' from the nearest centre of the data');
  }

  // The way of one point: all of it where it is smooth, else its last twentieth, or it would be a ball of wool.
  function trail(t, i) {
    const smooth = controls.noise.value === 'none', first = smooth ? T : Math.min(T, t + Math.ceil(T / 20));
    const stride = smooth ? Math.max(1, Math.round(T / 100)) : 1, places = [];
    for (let s = first; s >= t; s = s > t ? Math.max(t, s - stride) : -1) places.push([walk.states[s][2 * i], walk.states[s][2 * i + 1]]);
    return places;
  }

  setAll(controls, data.state);
  restart();
  whenResized(root, update);
}
