// guidance_field: score, classifier's gradient and their sum in the plane, all of them exact.

Object.assign(NAMES, {
  probability: 'q(y | x<sub>t</sub>)', score: '∇ log q(x<sub>t</sub>)',
  gradient: '∇ log q(y | x<sub>t</sub>)', guided: 'score + s · gradient',
});
Object.assign(SPOKEN, {
  probability: 'probability of the class at the probe', score: 'score at the probe',
  gradient: 'gradient of the classifier at the probe', guided: 'guided score at the probe',
});

// Three decimals, and never a negative nought: the twin of _fixed in guidance_field.py.
const fixed = (x) => x.toFixed(3).replace(/^-(?=[0.]+$)/, '');
const vector = ([x, y]) => '(' + fixed(x) + ', ' + fixed(y) + ')';

// At (x, y): the two gradients, and the logarithms of both densities up to one common number.
function look(data, left, label, x, y) {
  const a = Math.sqrt(left), V = left * data.std ** 2 + 1 - left;
  const gaps = data.means.map(([mx, my]) => [x - a * mx, y - a * my]);
  const away = gaps.map(([dx, dy]) => (dx * dx + dy * dy) / (2 * V));
  const mean = (inside) => {
    const least = Math.min(...away.filter((_, k) => inside(k)));
    let total = 0, pullX = 0, pullY = 0;
    gaps.forEach(([dx, dy], k) => {
      if (!inside(k)) return;
      const share = Math.exp(least - away[k]);
      total += share; pullX -= share * dx; pullY -= share * dy;
    });
    return { score: [pullX / (V * total), pullY / (V * total)], log: Math.log(total) - least };
  };
  const all = mean(() => true), own = mean((k) => data.labels[k] === label);
  // Bayes: log q(y | x) = log q(x, y) - log q(x), and so for the gradients.
  return { score: all.score, gradient: [own.score[0] - all.score[0], own.score[1] - all.score[1]],
    logDensity: all.log, logShare: own.log - all.log };
}

const GRID = 15, SHADE = 64;

function build(root, data) {
  const { T, limit } = data, table = linear(T, data.beta_1, data.beta_T);
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', 'Interactive figure: guidance in the plane');
  add(root, 'div', { class: 'mdw-title' }, 'Guidance in the plane');
  add(root, 'div', { class: 'mdw-hint' }, 'The numbers mark the clouds of each class. Shading: the density whose score the guided arrows are. Press in the picture to move the probe.');

  const stage = add(root, 'div', { class: 'mdw-stage' });
  const west = add(stage, 'div', { style: 'flex:1 1 260px;min-width:0;max-width:460px' }), square = add(west, 'div', { style: 'position:relative' });
  const shade = add(square, 'canvas', { width: SHADE, height: SHADE, 'aria-hidden': 'true', style: 'position:absolute;opacity:.5' });
  const svg = add(square, 'svg', { role: 'img', style: 'position:relative;display:block;width:100%;cursor:crosshair;touch-action:pan-y' });
  const keys = [['a', 'score'], ['c', 's · gradient'], ['b', 'their sum, the guided score']];
  add(west, 'div', { class: 'mdw-caption', html: '<span>At the probe: ' + keys.map(([colour, text]) => '<span class="mdw-key"><svg viewBox="0 0 20 8" aria-hidden="true">' +
    '<path class="mdw-curve" style="stroke:var(--mdw-' + colour + ');stroke-width:3" d="M0 4H20"/></svg>' + text + '</span>').join('') + '</span>' });

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
  numbers.row.style.gridTemplateColumns = 'repeat(auto-fit, minmax(136px, 1fr))';
  const say = sentence(root);
  let frame;

  const snap = (v) => data.places.reduce((best, place) => Math.abs(place - v) < Math.abs(best - v) ? place : best);
  const pick = (event) => {
    if (!event.buttons) return;
    const box = svg.getBoundingClientRect(), unit = frame.width / box.width, { X0, Y0, size } = frame;
    controls.x1.value = snap(((event.clientX - box.left) * unit - X0) / size * 2 * limit - limit);
    controls.x2.value = snap(limit - ((event.clientY - box.top) * unit - Y0) / size * 2 * limit);
    update();
  };
  for (const kind of ['pointerdown', 'pointermove']) svg.addEventListener(kind, pick);

  function reset() {
    for (const name in controls) controls[name].value = data.state[name];
    update();
  }

  function update() {
    const y = controls.y.value, s = controls.s.value, t = controls.t.value, left = table.alphaBar[t];
    const at = (px, py) => {
      const seen = look(data, left, Number(y), px, py);
      return { ...seen, guided: [0, 1].map((i) => seen.score[i] + s * seen.gradient[i]) };
    };
    const probe = [controls.x1.value, controls.x2.value], here = at(...probe);
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
    const width = Math.round(square.clientWidth) || 300, X0 = 26, Y0 = 6, size = width - X0 - 8;
    const a = Math.sqrt(left), noise = Math.sqrt(1 - left);
    frame = { width, X0, Y0, size };
    const X = (x) => X0 + (x + limit) / (2 * limit) * size, Y = (y) => Y0 + (limit - y) / (2 * limit) * size;
    const line = (name, colour, wide, d) => { if (d) add(svg, 'path', { 'data-part': name, d, fill: 'none', style: 'stroke:var(--mdw-' + colour + ');stroke-width:' + wide + ';stroke-linejoin:round' }); };
    svg.replaceChildren();
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + (size + Y0 + 22));
    add(svg, 'rect', { class: 'mdw-axis', x: X0, y: Y0, width: size, height: size });
    for (const tick of [-2, 0, 2]) {
      add(svg, 'text', { x: X0 - 6, y: Y(tick) + 4, 'text-anchor': 'end' }, String(tick).replace('-', '−'));
      add(svg, 'text', { x: X(tick), y: Y0 + size + 16, 'text-anchor': 'middle' }, String(tick).replace('-', '−'));
    }
    paint(s, at);
    Object.assign(shade.style, { left: X0 + 'px', top: Y0 + 'px', width: size + 'px', height: size + 'px' });

    // On a grid: arrows as long as the guessed noise (the score times its standard deviation), cut off at 2.
    const cell = 2 * limit / GRID;
    let d = '';
    for (let i = 0; i < GRID; i++) for (let j = 0; j < GRID; j++) {
      const x = (i + 0.5) * cell - limit, y = (j + 0.5) * cell - limit, v = at(x, y)[controls.show.value];
      const long = noise * Math.hypot(...v), scale = 0.9 * cell * Math.min(1, long / 2) / (Math.hypot(...v) || 1);
      d += arrow(X(x), Y(y), scale * v[0] / (2 * limit) * size, -scale * v[1] / (2 * limit) * size);
    }
    line('field', 'dim', 1.1, d);
    data.means.forEach(([mx, my], k) => {
      const label = add(svg, 'text', { x: X(a * mx), y: Y(a * my) + 6, 'text-anchor': 'middle', style: 'font-size:17px;font-weight:700;fill:var(--mdw-text);stroke:var(--mdw-bg);stroke-width:3;paint-order:stroke' }, String(data.labels[k]));
      label.setAttribute('aria-hidden', 'true');
    });
    // The three arrows at the probe share one scale, so that the sum can be seen as a sum.
    const three = [['score', 'a', here.score], ['push', 'c', here.gradient.map((v) => s * v)], ['sum', 'b', here.guided]];
    const longest = Math.max(...three.map(([, , v]) => Math.hypot(...v))), unit = Math.min(noise, 1.2 / (longest || 1)) / (2 * limit) * size;
    for (const [name, colour, v] of three) line(name, colour, 2.6, arrow(X(probe[0]), Y(probe[1]), unit * v[0], -unit * v[1]));
    add(svg, 'circle', { class: 'mdw-dot mdw-b', cx: X(probe[0]), cy: Y(probe[1]), r: 5 });
    svg.setAttribute('aria-label', 'Field of arrows in the plane and, at the probe (' + probe.join(', ') + '), the score ' + vector(here.score) + ' and the guided score ' + vector(here.guided));
  }

  function arrow(x, y, dx, dy) {
    const head = 0.3;
    let d = 'M' + x.toFixed(1) + ' ' + y.toFixed(1) + 'l' + dx.toFixed(1) + ' ' + dy.toFixed(1);
    for (const turn of [0.5, -0.5]) {
      d += 'l' + (-head * (dx - turn * dy)).toFixed(1) + ' ' + (-head * (dy + turn * dx)).toFixed(1) +
        'm' + (head * (dx - turn * dy)).toFixed(1) + ' ' + (head * (dy + turn * dx)).toFixed(1);
    }
    return d;
  }

  // The density q(x) q(y | x)^s as a see-through blue that goes with a light page and with a dark one.
  function paint(s, at) {
    const context = shade.getContext('2d'), image = context.createImageData(SHADE, SHADE), logs = new Float64Array(SHADE * SHADE);
    for (let i = 0; i < logs.length; i++) {
      const x = ((i % SHADE + 0.5) / SHADE * 2 - 1) * limit, y = (1 - (Math.floor(i / SHADE) + 0.5) / SHADE * 2) * limit, seen = at(x, y);
      logs[i] = seen.logDensity + s * seen.logShare;
    }
    const most = logs.reduce((a, v) => Math.max(a, v), -Infinity);
    logs.forEach((v, i) => image.data.set([60, 140, 200, Math.round(255 * Math.exp(v - most))], 4 * i));
    context.putImageData(image, 0, 0);
  }

  reset();
  whenResized(root, update);
}
