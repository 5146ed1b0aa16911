// reverse_explorer: points of noise in the plane, walked back to data by the exact denoiser.

Object.assign(NAMES, { distance: 'x<sub>t</sub> to a centre', guess: 'x̂<sub>0</sub> to a centre', near: 'near a centre' });
Object.assign(SPOKEN, { distance: 'mean distance from x t to the nearest centre', guess: 'mean distance from the guess of x 0 to the nearest centre',
  near: 'points within two standard deviations of a centre' });

// ---- the mixture: sum of N(m_k, std² I) with equal weights, the twin of minidiff.exact.mixture ------

// What is alike for all places at one t: the factors of x_0 and of the noise, and the variance V.
const levelAt = (set, left) => ({ a: Math.sqrt(left), b: Math.sqrt(1 - left), V: left * set.std ** 2 + 1 - left });

// At (x, y): the best guess of the noise, and the density of x_t up to a factor that depends on t alone.
function look(set, { a, b, V }, x, y) {
  const gap = set.means.map(([mx, my]) => ((x - a * mx) ** 2 + (y - a * my) ** 2) / (2 * V)), least = Math.min(...gap);
  let total = 0, pullX = 0, pullY = 0;
  set.means.forEach(([mx, my], k) => {
    const share = Math.exp(least - gap[k]);
    total += share;
    pullX += share * (x - a * mx);
    pullY += share * (y - a * my);
  });
  return { eps: [b * pullX / (V * total), b * pullY / (V * total)], density: total * Math.exp(-least) };
}

// The guess of x_0 that goes with it: all noise removed, all shrinking undone.
function guessAt(set, level, x, y) {
  if (level.b === 0) return [x, y];
  const { eps } = look(set, level, x, y);
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
      const { eps } = look(this.set, level, x[i], x[i + 1]);
      for (const j of [0, 1]) {
        const clean = (x[i + j] - level.b * eps[j]) / level.a;
        out[i + j] = towards * clean + keep * eps[j] + spread * z[i + j];
      }
    }
    this.states[t - 1] = out;
  }
}

const FOLLOWED = 8, ARROWS = 15, SHADES = 64;

function build(root, data) {
  const { T, points, limit, radius, sets } = data, table = linear(T, data.beta_1, data.beta_T);
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', 'Interactive figure: explorer of the reverse process');
  add(root, 'div', { class: 'mdw-title' }, 'Walk noise back to data');
  add(root, 'div', { class: 'mdw-hint' }, 'Every point starts as noise at t = T. Move t to the left, or press Play. Shading: where points at t are likely. Orange: eight of the points, with the way they came.');

  const stage = add(root, 'div', { class: 'mdw-stage' });
  const left = add(stage, 'div', { style: 'flex:1 1 260px;min-width:0;max-width:460px' }), square = add(left, 'div', { style: 'position:relative' });
  const shade = add(square, 'canvas', { width: SHADES, height: SHADES, 'aria-hidden': 'true', style: 'position:absolute;opacity:.5' });
  const svg = add(square, 'svg', { role: 'img', style: 'position:relative;display:block;width:100%' });
  const controls = {}, time = add(left, 'div', { class: 'mdw-time', style: 'margin-top:6px;grid-template-columns:1fr' });
  controls.t = slider(time, 't', 'Time t', 'time t', null, () => { stop(); update(); });
  controls.t.max = T;
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  button(buttons, 'Back to noise', () => { stop(); go(T); });
  const play = button(buttons, 'Play', () => {});

  const side = add(stage, 'div', { class: 'mdw-side mdw-rows' }), row = () => add(side, 'div');
  controls.data = choice(row(), 'data', 'Data', sets.map((set) => [set.name, set.label]), restart);
  controls.start = choice(row(), 'start', 'Start: which noise at t = T', data.starts.map((k) => [String(k), 'seed ' + k]), restart);
  controls.noise = choice(row(), 'noise', 'Fresh noise in each step', data.noises.map((k) => [k, k === 'none' ? k : 'seed ' + k]), restart);
  controls.show = choice(row(), 'show', 'Draw', [['score', 'arrows: the score'], ['guess', 'lines: to the guess of x₀']], update);
  const numbers = tiles(side, ['alpha_bar_t', 'distance', 'guess', 'near']);
  numbers.row.style.gridTemplateColumns = 'repeat(2, minmax(0, 1fr))';
  const say = sentence(root);
  const stop = player(play, say, () => { if (controls.t.value === 0) go(T); }, () => {
    go(controls.t.value - Math.max(1, Math.round(T / 200)));
    return controls.t.value > 0;
  });
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
    const width = Math.round(square.clientWidth) || 300, west = 26, top = 6, size = width - west - 8;
    const X = (x) => west + (x + limit) / (2 * limit) * size, Y = (y) => top + (limit - y) / (2 * limit) * size;
    const inside = ([x, y]) => Math.abs(x) <= limit && Math.abs(y) <= limit;
    const place = ([x, y]) => X(x).toFixed(1) + ' ' + Y(y).toFixed(1);
    const line = (name, colour, wide, d, more) => { if (d) add(svg, 'path', { 'data-part': name, d, fill: 'none', style: 'stroke:var(--mdw-' + colour + ');stroke-width:' + wide + ';' + (more || '') }); };
    svg.replaceChildren();
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + (size + top + 22));
    add(svg, 'rect', { class: 'mdw-axis', x: west, y: top, width: size, height: size });
    for (const tick of [-2, 0, 2]) {
      add(svg, 'text', { x: west - 6, y: Y(tick) + 4, 'text-anchor': 'end' }, String(tick).replace('-', '−'));
      add(svg, 'text', { x: X(tick), y: top + size + 16, 'text-anchor': 'middle' }, String(tick).replace('-', '−'));
    }
    paint(level);
    Object.assign(shade.style, { left: west + 'px', top: top + 'px', width: size + 'px', height: size + 'px' });

    if (controls.show.value === 'score' && t > 0) line('score', 'dim', 1.2, arrows(level, X, Y, limit));
    if (controls.show.value === 'guess') {
      line('guess', 'c', 1, pairs.map((p, i) => inside(p) && inside(guesses[i]) ? 'M' + place(p) + 'L' + place(guesses[i]) : '').join(''), 'opacity:.7');
    }
    const dots = (some) => some.filter(inside).map((p) => 'M' + place(p) + 'h0').join('');
    line('points', 'a', 4.5, dots(pairs.slice(FOLLOWED)), 'stroke-linecap:round');
    line('trail', 'b', 1.3, Array.from({ length: FOLLOWED }, (_, i) => trail(t, i, inside, place)).join(''));
    line('followed', 'b', 8, dots(pairs.slice(0, FOLLOWED)), 'stroke-linecap:round');
    svg.setAttribute('aria-label', points + ' points in the plane at t = ' + t + ', on average ' + numbers.row.querySelector('[data-readout=distance]').textContent + ' from the nearest centre of the data');
  }

  // The way of one point: all of it where it is smooth, else its last twentieth, or it would be a ball of wool.
  function trail(t, i, inside, place) {
    const smooth = controls.noise.value === 'none', first = smooth ? T : Math.min(T, t + Math.ceil(T / 20));
    const stride = smooth ? Math.max(1, Math.round(T / 100)) : 1;
    let d = '', pen = 'M';
    for (let s = first; s >= t; s = s > t ? Math.max(t, s - stride) : -1) {
      const x = walk.states[s], p = [x[2 * i], x[2 * i + 1]];
      if (!inside(p)) { pen = 'M'; continue; }
      d += pen + place(p);
      pen = 'L';
    }
    return d;
  }

  // On a grid: the direction of the score, its length times the noise's standard deviation (which is
  // the length of the guessed noise), cut off at 2.
  function arrows(level, X, Y, limit) {
    const cell = 2 * limit / ARROWS;
    let d = '';
    for (let i = 0; i < ARROWS; i++) for (let j = 0; j < ARROWS; j++) {
      const x = (i + 0.5) * cell - limit, y = (j + 0.5) * cell - limit, { eps } = look(set, level, x, y);
      const long = Math.hypot(...eps), scale = -0.9 * cell * Math.min(1, long / 2) / (long || 1);
      const dx = X(x + scale * eps[0]) - X(x), dy = Y(y + scale * eps[1]) - Y(y), head = 0.3;
      d += 'M' + X(x).toFixed(1) + ' ' + Y(y).toFixed(1) + 'l' + dx.toFixed(1) + ' ' + dy.toFixed(1);
      for (const turn of [0.5, -0.5]) {
        d += 'l' + (-head * (dx - turn * dy)).toFixed(1) + ' ' + (-head * (dy + turn * dx)).toFixed(1) +
          'm' + (head * (dx - turn * dy)).toFixed(1) + ' ' + (head * (dy + turn * dx)).toFixed(1);
      }
    }
    return d;
  }

  // The density of x_t as a see-through blue that goes with a light page and with a dark one.
  function paint(level) {
    const context = shade.getContext('2d'), image = context.createImageData(SHADES, SHADES), density = new Float64Array(SHADES * SHADES);
    for (let i = 0; i < density.length; i++) {
      const x = ((i % SHADES + 0.5) / SHADES * 2 - 1) * limit, y = (1 - (Math.floor(i / SHADES) + 0.5) / SHADES * 2) * limit;
      density[i] = look(set, level, x, y).density;
    }
    const most = density.reduce((a, v) => Math.max(a, v), 0);
    density.forEach((v, i) => image.data.set([60, 140, 200, Math.round(255 * v / most)], 4 * i));
    context.putImageData(image, 0, 0);
  }

  for (const name in data.state) controls[name].value = data.state[name];
  restart();
  whenResized(root, update);
}
