// A square of the plane, [-limit, limit]²: dots, ways and arrows over the shading of a density.

const SHADES = 64, ARROWS = 15;

class Plane {
  constructor(stage, limit) {
    this.limit = limit;
    this.column = add(stage, 'div', { style: 'flex:1 1 260px;min-width:0;max-width:460px' });
    this.box = add(this.column, 'div', { style: 'position:relative' });
    this.canvas = add(this.box, 'canvas', { width: SHADES, height: SHADES, 'aria-hidden': 'true', style: 'position:absolute;opacity:.5' });
    this.svg = add(this.box, 'svg', { role: 'img', style: 'position:relative;display:block;width:100%;touch-action:pan-y' });
  }

  // An empty frame, as wide as there is room.
  clear() {
    const { svg } = this, width = Math.round(this.box.clientWidth) || 300, left = 26, top = 6, size = width - left - 8;
    Object.assign(this, { left, top, size });
    svg.replaceChildren();
    svg.setAttribute('viewBox', '0 0 ' + width + ' ' + (size + top + 22));
    add(svg, 'rect', { class: 'mdw-axis', x: left, y: top, width: size, height: size });
    for (const at of [-2, 0, 2]) {
      plain(add(svg, 'text', { x: left - 6, y: this.Y(at) + 4, 'text-anchor': 'end' }), at);
      plain(add(svg, 'text', { x: this.X(at), y: top + size + 16, 'text-anchor': 'middle' }), at);
    }
    Object.assign(this.canvas.style, { left: left + 'px', top: top + 'px', width: size + 'px', height: size + 'px' });
  }

  // From the data's units to pixels.
  X(x) { return this.left + (x + this.limit) / (2 * this.limit) * this.size; }
  Y(y) { return this.top + (this.limit - y) / (2 * this.limit) * this.size; }
  place([x, y]) { return this.X(x).toFixed(1) + ' ' + this.Y(y).toFixed(1); }
  inside([x, y]) { return Math.abs(x) <= this.limit && Math.abs(y) <= this.limit; }

  // A part of the picture that the tests can find by its name.
  line(name, colour, wide, d, more) {
    const style = 'stroke:var(--mdw-' + colour + ');stroke-width:' + wide + ';stroke-linejoin:round;' + (more || '');
    if (d) add(this.svg, 'path', { 'data-part': name, d, fill: 'none', style });
  }

  dots(places) { return places.filter((p) => this.inside(p)).map((p) => 'M' + this.place(p) + 'h0').join(''); }

  // The way through some places, broken where it leaves the frame.
  way(places) {
    let d = '', pen = 'M';
    for (const p of places) {
      if (!this.inside(p)) { pen = 'M'; continue; }
      d += pen + this.place(p);
      pen = 'L';
    }
    return d;
  }

  // From a place along a vector, both in the units of the data.
  arrow([x, y], [u, v]) {
    const unit = this.size / (2 * this.limit), dx = unit * u, dy = -unit * v, head = 0.3;
    let d = 'M' + this.place([x, y]) + 'l' + dx.toFixed(1) + ' ' + dy.toFixed(1);
    for (const turn of [0.5, -0.5]) {
      d += 'l' + (-head * (dx - turn * dy)).toFixed(1) + ' ' + (-head * (dy + turn * dx)).toFixed(1) +
        'm' + (head * (dx - turn * dy)).toFixed(1) + ' ' + (head * (dy + turn * dx)).toFixed(1);
    }
    return d;
  }

  // Arrows on a grid: one of length 2 or more fills its cell.
  arrows(vectorAt) {
    const cell = 2 * this.limit / ARROWS;
    let d = '';
    for (let i = 0; i < ARROWS; i++) for (let j = 0; j < ARROWS; j++) {
      const at = [(i + 0.5) * cell - this.limit, (j + 0.5) * cell - this.limit], [u, v] = vectorAt(...at);
      const long = Math.hypot(u, v), scale = 0.9 * cell * Math.min(1, long / 2) / (long || 1);
      d += this.arrow(at, [scale * u, scale * v]);
    }
    return d;
  }

  // A density, given by its logarithm, as a see-through blue that goes with a light page and with a dark one.
  shade(logDensityAt) {
    const { limit } = this, context = this.canvas.getContext('2d'), image = context.createImageData(SHADES, SHADES);
    const logs = Float64Array.from({ length: SHADES * SHADES }, (_, i) =>
      logDensityAt(((i % SHADES + 0.5) / SHADES * 2 - 1) * limit, (1 - (Math.floor(i / SHADES) + 0.5) / SHADES * 2) * limit));
    const most = logs.reduce((a, v) => Math.max(a, v), -Infinity);
    logs.forEach((v, i) => image.data.set([60, 140, 200, Math.round(255 * Math.exp(v - most))], 4 * i));
    context.putImageData(image, 0, 0);
  }

  // Have act(x, y) called, in the units of the data, where the square is pressed or dragged.
  whenPressed(act) {
    const { limit } = this;
    whenPressed(this.svg, (x, y) => act((x - this.left) / this.size * 2 * limit - limit, limit - (y - this.top) / this.size * 2 * limit));
  }
}

// ---- a mixture of equal normal distributions N(a·m_k, V·I), the twin of minidiff.chain.exact.mixture --

// At (x, y): the mean of the centres m_k, each by its share of the density, and the logarithm of the density
// up to a number that is the same everywhere.
function mixtureAt(means, a, V, x, y) {
  const away = ([mx, my]) => ((x - a * mx) ** 2 + (y - a * my) ** 2) / (2 * V);
  let least = Infinity, total = 0, mx = 0, my = 0;
  for (const mean of means) least = Math.min(least, away(mean));
  for (const mean of means) {
    const share = Math.exp(least - away(mean));
    total += share;
    mx += share * mean[0];
    my += share * mean[1];
  }
  return { mean: [mx / total, my / total], log: Math.log(total) - least };
}
