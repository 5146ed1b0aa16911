// What the interactive figures share: elements, controls, schedules, plots. No library, no network.

let made = 0;
const newId = () => 'mdw' + document.querySelectorAll('.mdw[data-ready]').length + '-' + made++;

function add(parent, tag, attributes, ...children) {
  const node = parent.namespaceURI.endsWith('svg') || tag === 'svg'
    ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    // "html" is only ever given constant strings of these scripts: names with subscripts.
    if (key === 'html') node.innerHTML = value;
    else if (value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children);
  parent.append(node);
  return node;
}

// Four significant digits, the twin of number() in widget.py.
function number(x) {
  if (x === 0) return '0';
  if (!isFinite(x)) return x > 0 ? '∞' : '-∞';
  const [mantissa, exponent] = x.toExponential(3).split('e');
  const e = Number(exponent);
  return e < -3 || e > 4 ? mantissa + 'e' + e : x.toFixed(Math.max(0, 3 - e));
}

const bar = (inside) => '√<span class="mdw-root">' + inside + '</span>';
const NAMES = {
  beta_t: 'β<sub>t</sub>', alpha_bar_t: 'ᾱ<sub>t</sub>', alpha_bar_T: 'ᾱ<sub>T</sub>',
  sqrt_alpha_bar_t: bar('ᾱ<sub>t</sub>'), sqrt_one_minus_alpha_bar_t: bar('1 − ᾱ<sub>t</sub>'),
  snr_t: 'SNR<sub>t</sub>', mean: 'mean of x<sub>t</sub>', std: 'std of x<sub>t</sub>',
};
const SPOKEN = {
  beta_t: 'beta t', alpha_bar_t: 'alpha bar t', alpha_bar_T: 'alpha bar T',
  sqrt_alpha_bar_t: 'square root of alpha bar t', sqrt_one_minus_alpha_bar_t: 'square root of one minus alpha bar t',
  snr_t: 'signal-to-noise ratio at t', mean: 'mean of the pixels of x t', std: 'standard deviation of the pixels of x t',
};

// ---- schedules, in doubles: the formulas of minidiff.schedule --------------------------------------

function finish(beta) {
  const T = beta.length - 1, alphaBar = new Float64Array(T + 1), snr = new Float64Array(T + 1);
  alphaBar[0] = 1;
  snr[0] = Infinity;
  for (let t = 1; t <= T; t++) {
    alphaBar[t] = alphaBar[t - 1] * (1 - beta[t]);
    snr[t] = alphaBar[t] / (1 - alphaBar[t]);
  }
  return { T, beta, alphaBar, snr };
}

function linear(T, beta1, betaT) {
  const beta = new Float64Array(T + 1), step = (betaT - beta1) / (T - 1);
  for (let t = 1; t < T; t++) beta[t] = beta1 + (t - 1) * step;
  beta[T] = T > 1 ? betaT : beta1;
  return finish(beta);
}

function cosine(T, s) {
  const f = (t) => Math.cos((t / T + s) / (1 + s) * Math.PI / 2) ** 2;
  const beta = new Float64Array(T + 1);
  for (let t = 1; t <= T; t++) beta[t] = Math.min(1 - f(t) / f(t - 1), 0.999);
  return finish(beta);
}

const makeSchedule = (v) => v.schedule === 'cosine' ? cosine(v.T, v.s) : linear(v.T, v.beta_1, v.beta_T);

// ---- controls: native inputs with labels -----------------------------------------------------------

// A slider over a list of values (or over 0..max): get, set, enable.
function slider(parent, name, html, spoken, values, onInput) {
  const box = add(parent, 'div'), head = add(box, 'div', { class: 'mdw-head' }), id = newId();
  add(head, 'label', { for: id, html });
  const shown = add(head, 'span', { class: 'mdw-value', 'aria-hidden': 'true' });
  const input = add(box, 'input', { type: 'range', id, min: 0, max: values ? values.length - 1 : 1, step: 1,
    'data-control': name, 'aria-label': spoken });
  const control = {
    input,
    get value() { return values ? values[Number(input.value)] : Number(input.value); },
    set value(v) { input.value = values ? values.indexOf(v) : v; control.show(); },
    set max(m) { input.max = m; },
    set enabled(on) { input.disabled = !on; box.classList.toggle('mdw-off', !on); },
    show() {
      shown.textContent = String(control.value) + (values ? '' : ' of ' + input.max);
      input.setAttribute('aria-valuetext', String(control.value));
    },
  };
  input.addEventListener('input', () => { control.show(); onInput(control.value); });
  return control;
}

// One of a few: a group of radio buttons. Each choice is [value, text] or [value, text, fill(label)].
function choice(parent, name, title, choices, onInput) {
  const group = add(parent, 'fieldset'), inputs = [], radio = newId();
  add(group, 'legend', { class: 'mdw-name' }, title);
  const row = add(group, 'div', { class: 'mdw-choices' });
  for (const [value, text, fill] of choices) {
    const box = add(row, 'span', { class: 'mdw-choice' + (fill ? ' mdw-thumb' : '') }), id = newId();
    const input = add(box, 'input', { type: 'radio', name: radio, id, value, 'data-control': name, 'aria-label': text });
    const label = add(box, 'label', { for: id });
    if (fill) fill(label); else label.textContent = text;
    input.addEventListener('input', () => onInput(input.value));
    inputs.push(input);
  }
  return {
    get value() { return inputs.find((input) => input.checked).value; },
    set value(v) { for (const input of inputs) input.checked = input.value === String(v); },
    set enabled(on) { for (const input of inputs) input.disabled = !on; },
  };
}

function button(parent, text, onClick) {
  const node = add(parent, 'button', { type: 'button' }, text);
  node.addEventListener('click', onClick);
  return node;
}

// A row of named numbers; set({name: text}) writes them. Only the sentence below is read aloud at
// every change: seven numbers at once would drown it.
function tiles(parent, names, suffix) {
  const row = add(parent, 'div', { class: 'mdw-tiles' }), outputs = {};
  for (const name of names) {
    const tile = add(row, 'div', { class: 'mdw-tile' });
    add(tile, 'span', { html: NAMES[name] || name, 'aria-hidden': 'true' });
    const key = name + (suffix ? '_' + suffix : '');
    outputs[key] = add(tile, 'output', { 'data-readout': key, 'aria-live': 'off',
      'aria-label': (SPOKEN[name] || name) + (suffix ? ', ' + suffix : '') });
  }
  return { row, set(texts) { for (const key in outputs) outputs[key].textContent = texts[key]; } };
}

function sentence(parent) {
  const node = add(parent, 'output', { class: 'mdw-say', 'data-readout': 'sentence', 'aria-live': 'polite' });
  const say = (text, kind) => { node.textContent = text; node.className = 'mdw-say' + (kind ? ' mdw-' + kind : ''); };
  say.live = (on) => node.setAttribute('aria-live', on ? 'polite' : 'off');
  return say;
}

// ---- plots: SVG in the page's own pixels, so that text keeps its size at every width ---------------

function niceTicks(top) {
  const raw = top / 4, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((m) => m >= raw * 0.999);
  const ticks = [];
  for (let k = 0; (k - 1) * step < top * 0.9999; k++) ticks.push(Number((k * step).toPrecision(6)));
  return ticks;
}

class Plot {
  // spec: {title, keys: [[class, html]], onPick(fraction of the x-axis)}
  constructor(parent, spec) {
    this.figure = add(parent, 'div', { class: 'mdw-plot' });
    const keys = (spec.keys || []).map(([kind, html]) => '<span class="mdw-key"><svg viewBox="0 0 20 8" aria-hidden="true">' +
      '<path class="mdw-curve ' + kind + '" d="M0 4H20"/></svg>' + html + '</span>').join('');
    add(this.figure, 'div', { class: 'mdw-caption', html: spec.title + '<span>' + keys + '</span>' });
    this.svg = add(this.figure, 'svg', { role: 'img' });
    if (spec.onPick) {
      const pick = (event) => {
        if (!event.buttons) return;
        const { left, right, width } = this.frame, box = this.svg.getBoundingClientRect();
        spec.onPick(Math.min(1, Math.max(0, ((event.clientX - box.left) * width / box.width - left) / (right - left))));
      };
      this.svg.style.cursor = 'crosshair';
      for (const kind of ['pointerdown', 'pointermove']) this.svg.addEventListener(kind, pick);
    }
  }

  // Draw the axes; returns the maps from data to pixels.
  axes(x0, x1, xTicks, y0, y1, yTicks, format, xName) {
    const width = Math.round(this.figure.clientWidth) || 300, height = 190;
    const left = 44, right = width - 10, top = 8, bottom = height - 34;
    this.frame = { left, right, width };
    this.svg.replaceChildren();
    this.svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
    const X = (x) => left + (right - left) * (x - x0) / (x1 - x0);
    const Y = (y) => bottom - (bottom - top) * (y - y0) / (y1 - y0);
    for (const y of yTicks) {
      add(this.svg, 'path', { class: 'mdw-axis', d: 'M' + left + ' ' + Y(y) + 'H' + right });
      format(add(this.svg, 'text', { x: left - 6, y: Y(y) + 4, 'text-anchor': 'end' }), y);
    }
    add(this.svg, 'path', { class: 'mdw-axis', d: 'M' + left + ' ' + top + 'V' + bottom + 'H' + right });
    for (const x of xTicks) {
      const anchor = X(x) > right - 1 ? 'end' : 'middle';
      add(this.svg, 'path', { class: 'mdw-axis', d: 'M' + X(x) + ' ' + bottom + 'v4' });
      add(this.svg, 'text', { x: anchor === 'end' ? right + 6 : X(x), y: bottom + 16, 'text-anchor': anchor }, String(x));
    }
    add(this.svg, 'text', { x: (left + right) / 2, y: height - 4, 'text-anchor': 'middle' }, xName);
    return { X, Y, inside: (y) => y >= y0 && y <= y1, width: right - left };
  }

  // A line through (x(i), y[i]) for i = first..last; it is broken where it leaves the frame.
  curve(map, kind, y, first, x) {
    const last = y.length - 1, stride = Math.max(1, Math.floor((last - first) / (2 * map.width)));
    let d = '', pen = 'M';
    for (let i = first; i <= last; i = i < last ? Math.min(i + stride, last) : last + 1) {
      if (!map.inside(y[i])) { pen = 'M'; continue; }
      d += pen + map.X(x(i)).toFixed(1) + ' ' + map.Y(y[i]).toFixed(1);
      pen = 'L';
    }
    if (d) add(this.svg, 'path', { class: 'mdw-curve ' + kind, d });
  }

  dot(map, kind, x, y) {
    if (map.inside(y)) add(this.svg, 'circle', { class: 'mdw-dot ' + kind, cx: map.X(x), cy: map.Y(y), r: 4.5 });
  }
}

// Call draw now and whenever the figure's width changes (a phone turned, a tab opened).
function whenResized(root, draw) {
  let width = root.clientWidth;
  draw();
  if (window.ResizeObserver) {
    new ResizeObserver(() => { if (root.clientWidth !== width) { width = root.clientWidth; draw(); } }).observe(root);
  }
}
