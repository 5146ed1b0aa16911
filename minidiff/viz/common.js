// What all interactive figures share: elements, controls, plots. No library, no network.

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

// Three decimals, and never a negative nought: the twins of fixed() and vector() in widget.py.
const fixed = (x) => x.toFixed(3).replace(/^-(?=[0.]+$)/, '');
const vector = ([x, y]) => '(' + fixed(x) + ', ' + fixed(y) + ')';

// How the read-outs are written (HTML) and how they are read aloud; a figure adds its own.
const NAMES = {}, SPOKEN = {};

function head(root, label, title, hint) {
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', 'Interactive figure: ' + label);
  add(root, 'div', { class: 'mdw-title' }, title);
  add(root, 'div', { class: 'mdw-hint' }, hint);
}

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
    // Another end, and the same share of the way to it.
    stretch(m) {
      const share = control.value / input.max;
      input.max = m;
      control.value = Math.round(share * m);
    },
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

// What all controls say, and how to have them say it. Where T can be chosen, t goes as far as it does.
const valuesOf = (controls) => Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value]));

function setAll(controls, state) {
  if ('T' in state) controls.t.max = state.T;
  for (const name in controls) controls[name].value = state[name];
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

const niceStep = (raw, mantissas = [1, 2, 2.5, 5, 10]) => {
  const power = 10 ** Math.floor(Math.log10(raw));
  return mantissas.map((m) => m * power).find((m) => m >= raw * 0.999);
};

// Round numbers that enclose low..high, about a quarter of the range apart.
function niceTicks(low, high) {
  const range = Math.max(high - low, 1e-6), step = niceStep(range / 4), ticks = [];
  for (let k = Math.floor(low / step); (k - 1) * step < high - 1e-4 * range; k++) ticks.push(Number((k * step).toPrecision(6)));
  return ticks;
}

// Whole powers of ten within low..high, at most seven.
function powersWithin(low, high) {
  const every = Math.ceil((high - low) / 6), powers = [];
  for (let p = Math.ceil(low / every) * every; p <= high; p += every) powers.push(p);
  return powers;
}

// A tick at one place of the axis, with another text: 2 on a logarithmic axis says 100.
const tick = (at, words) => ({ valueOf: () => at, toString: () => String(words) });

// How the numbers beside an axis are written: as they are, or as the power of ten.
const plain = (node, y) => { node.textContent = String(y).replace('-', '−'); };
const power = (node, y) => { node.append('10'); add(node, 'tspan', { dy: -5, 'font-size': 9 }, String(y).replace('-', '−')); };

// What colours stand for: [[attributes of a short line, html]].
const legend = (keys) => keys.map(([look, html]) => '<span class="mdw-key"><svg viewBox="0 0 20 8" aria-hidden="true">' +
  '<path ' + look + ' d="M0 4H20"/></svg>' + html + '</span>').join('');

// Have act(x, y) called, in the drawing's own units, where it is pressed or dragged.
function whenPressed(svg, act) {
  const pick = (event) => {
    if (!event.buttons) return;
    const box = svg.getBoundingClientRect(), unit = svg.viewBox.baseVal.width / box.width;
    act((event.clientX - box.left) * unit, (event.clientY - box.top) * unit);
  };
  svg.style.cursor = 'crosshair';
  for (const kind of ['pointerdown', 'pointermove']) svg.addEventListener(kind, pick);
}

class Plot {
  // spec: {title, keys: [[class, html]], onPick(fraction of the x-axis)}
  constructor(parent, spec) {
    this.figure = add(parent, 'div', { class: 'mdw-plot' });
    const keys = legend((spec.keys || []).map(([kind, html]) => ['class="mdw-curve ' + kind + '"', html]));
    add(this.figure, 'div', { class: 'mdw-caption', html: spec.title + '<span>' + keys + '</span>' });
    this.svg = add(this.figure, 'svg', { role: 'img' });
    if (spec.onPick) {
      whenPressed(this.svg, (x) => {
        const { left, right } = this.frame;
        spec.onPick(Math.min(1, Math.max(0, (x - left) / (right - left))));
      });
    }
  }

  // Ticks for times 0..T: fewer where there is little room.
  times(T) {
    const parts = this.figure.clientWidth < 220 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    return parts.map((part) => part * T).filter(Number.isInteger);
  }

  // Draw the axes; returns the maps from data to pixels.
  axes(x0, x1, xTicks, y0, y1, yTicks, format, xName) {
    const width = Math.round(this.figure.clientWidth) || 300, height = 190;
    const left = 44, right = width - 10, top = 8, bottom = height - 34;
    this.frame = { left, right };
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
      plain(add(this.svg, 'text', { x: anchor === 'end' ? right + 6 : X(x), y: bottom + 16, 'text-anchor': anchor }), x);
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

  // A line across the frame: where t is, or at a height.
  cursor(map, x) { add(this.svg, 'path', { class: 'mdw-cursor', d: 'M' + map.X(x) + ' 8V156' }); }
  level(map, y) { add(this.svg, 'path', { class: 'mdw-level', d: 'M44 ' + map.Y(y) + 'h' + map.width }); }

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
