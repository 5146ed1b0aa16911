// A network's program, carried out: the twin of engine/trace.py. Values are flat arrays with a shape.

const count = (shape) => shape.reduce((a, b) => a * b, 1);

// out (m × n) += a (m × k) · b (k × n), eight numbers of out at a time: what is fetched serves two rows or four columns.
function addProduct(a, aAt, b, bAt, out, outAt, m, k, n) {
  const rows = m - m % 2, columns = n - n % 4;
  for (let i = 0; i < rows; i += 2) {
    for (let p = 0; p < columns; p += 4) {
      let c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
      for (let j = 0, v = aAt + i * k, w = v + k, q = bAt + p; j < k; j++, v++, w++, q += n) {
        const x0 = b[q], x1 = b[q + 1], x2 = b[q + 2], x3 = b[q + 3], e = a[v], f = a[w];
        c0 += e * x0; c1 += e * x1; c2 += e * x2; c3 += e * x3;
        d0 += f * x0; d1 += f * x1; d2 += f * x2; d3 += f * x3;
      }
      const at = outAt + i * n + p, below = at + n;
      out[at] += c0; out[at + 1] += c1; out[at + 2] += c2; out[at + 3] += c3;
      out[below] += d0; out[below + 1] += d1; out[below + 2] += d2; out[below + 3] += d3;
    }
  }
  // What is left over: the last row, and the last columns of the others.
  for (let i = 0; i < m; i++) {
    for (let p = i < rows ? columns : 0; p < n; p++) {
      let sum = 0;
      for (let j = 0; j < k; j++) sum += a[aAt + i * k + j] * b[bAt + j * n + p];
      out[outAt + i * n + p] += sum;
    }
  }
}

// Every patch of a picture becomes a column, so that a convolution is a product of matrices; beyond the edge noughts stay.
function fillColumns(columns, data, at, { C, h, w, k, stride, padding, H, W }) {
  for (let row = 0; row < C * k * k; row++) {
    const c = Math.floor(row / (k * k)), dy = Math.floor(row / k) % k - padding, dx = row % k - padding;
    const top = Math.max(0, Math.ceil(-dy / stride)), bottom = Math.min(H, Math.ceil((h - dy) / stride));
    const left = Math.max(0, Math.ceil(-dx / stride)), right = Math.min(W, Math.ceil((w - dx) / stride));
    for (let i = top; i < bottom; i++) {
      const to = (row * H + i) * W, from = at + (c * h + i * stride + dy) * w + dx;
      for (let j = left; j < right; j++) columns[to + j] = data[from + j * stride];
    }
  }
}

function elementwise(f) {
  return (shape, [a, b]) => {
    const out = new Float32Array(count(shape)), steps = [a, b].map((x) => strides(x.shape, shape));
    if (count(a.shape) === out.length && count(b.shape) === out.length) {
      for (let i = 0; i < out.length; i++) out[i] = f(a.data[i], b.data[i]);
      return out;
    }
    walk(shape, steps, (i, at) => { out[i] = f(a.data[at[0]], b.data[at[1]]); });
    return out;
  };
}

// How far to go in an array for one step along each axis of a larger shape; 0 along an axis that is repeated.
function strides(shape, larger) {
  const steps = new Array(larger.length).fill(0);
  for (let axis = shape.length - 1, far = larger.length - 1, step = 1; axis >= 0; axis--, far--) {
    if (shape[axis] !== 1) steps[far] = step;
    step *= shape[axis];
  }
  return steps;
}

// All places of a shape in their order, with the place in each array that is walked beside.
function walk(shape, steps, visit) {
  const place = new Array(shape.length).fill(0), at = steps.map(() => 0), total = count(shape);
  for (let i = 0; i < total; i++) {
    visit(i, at);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place[axis]++;
      for (let j = 0; j < at.length; j++) at[j] += steps[j][axis];
      if (place[axis] < shape[axis]) break;
      for (let j = 0; j < at.length; j++) at[j] -= steps[j][axis] * shape[axis];
      place[axis] = 0;
    }
  }
}

function ofEach(f) {
  return (shape, [x]) => {
    const out = new Float32Array(x.data.length);
    for (let i = 0; i < out.length; i++) out[i] = f(x.data[i]);
    return out;
  };
}

const OPERATIONS = {
  add: elementwise((a, b) => a + b),
  multiply: elementwise((a, b) => a * b),
  silu: ofEach((x) => x / (1 + Math.exp(-x))),
  sin: ofEach(Math.sin),
  cos: ofEach(Math.cos),

  convolve(shape, [x, weight, bias], { stride, padding }) {
    const [B, O, H, W] = shape, [, C, h, w] = x.shape, k = weight.shape[2], out = new Float32Array(count(shape));
    const columns = new Float32Array(C * k * k * H * W);
    for (let b = 0; b < B; b++) {
      fillColumns(columns, x.data, b * C * h * w, { C, h, w, k, stride, padding, H, W });
      const start = b * O * H * W;
      if (bias) for (let o = 0; o < O; o++) out.fill(bias.data[o], start + o * H * W, start + (o + 1) * H * W);
      addProduct(weight.data, 0, columns, 0, out, start, O, C * k * k, H * W);
    }
    return out;
  },

  normalize(shape, [x, weight, bias], { groups, eps }) {
    const [B, C, ...size] = shape, places = count(size), each = C / groups, n = each * places;
    const out = new Float32Array(count(shape));
    for (let g = 0; g < B * groups; g++) {
      let sum = 0, squares = 0;
      for (let i = g * n; i < (g + 1) * n; i++) sum += x.data[i];
      const mean = sum / n;
      for (let i = g * n; i < (g + 1) * n; i++) squares += (x.data[i] - mean) ** 2;
      const scale = 1 / Math.sqrt(squares / n + eps);
      for (let c = 0; c < each; c++) {
        const channel = g % groups * each + c, a = scale * weight.data[channel], b = bias.data[channel] - mean * a;
        for (let i = g * n + c * places; i < g * n + (c + 1) * places; i++) out[i] = a * x.data[i] + b;
      }
    }
    return out;
  },

  // The weight lies turned, in by out.
  linear(shape, [x, weight, bias]) {
    const out = new Float32Array(count(shape)), [n, k] = weight.shape, rows = out.length / n;
    if (!weight.turned) {
      weight.turned = new Float32Array(n * k);
      for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) weight.turned[j * n + i] = weight.data[i * k + j];
    }
    if (bias) for (let i = 0; i < rows; i++) out.set(bias.data, i * n);
    addProduct(x.data, 0, weight.turned, 0, out, 0, rows, k, n);
    return out;
  },

  matmul(shape, [a, b]) {
    const out = new Float32Array(count(shape)), [m, n] = shape.slice(-2), k = a.shape[a.shape.length - 1];
    for (let i = 0; i < out.length / (m * n); i++) addProduct(a.data, i * m * k, b.data, i * k * n, out, i * m * n, m, k, n);
    return out;
  },

  softmax(shape, [x]) {
    const n = shape[shape.length - 1], out = new Float32Array(x.data.length);
    for (let i = 0; i < out.length; i += n) {
      let most = -Infinity, sum = 0;
      for (let j = i; j < i + n; j++) most = Math.max(most, x.data[j]);
      for (let j = i; j < i + n; j++) sum += out[j] = Math.exp(x.data[j] - most);
      for (let j = i; j < i + n; j++) out[j] /= sum;
    }
    return out;
  },

  concatenate(shape, parts, { dim }) {
    const out = new Float32Array(count(shape)), before = count(shape.slice(0, dim)), whole = count(shape.slice(dim));
    let to = 0;
    for (const part of parts) {
      const n = count(part.shape.slice(dim));
      for (let i = 0; i < before; i++) out.set(part.data.subarray(i * n, (i + 1) * n), i * whole + to);
      to += n;
    }
    return out;
  },

  rows(shape, [table, chosen]) {
    const out = new Float32Array(count(shape)), n = table.shape[1];
    chosen.data.forEach((row, i) => out.set(table.data.subarray(row * n, (row + 1) * n), i * n));
    return out;
  },

  permute(shape, [x], { dims }) {
    const out = new Float32Array(x.data.length), own = strides(x.shape, x.shape);
    walk(shape, [dims.map((d) => own[d])], (i, at) => { out[i] = x.data[at[0]]; });
    return out;
  },

  part(shape, [x], { dim, at }) {
    const out = new Float32Array(count(shape)), after = count(x.shape.slice(dim + 1)), n = x.shape[dim];
    for (let i = 0; i < out.length / after; i++) {
      out.set(x.data.subarray((i * n + at) * after, (i * n + at + 1) * after), i * after);
    }
    return out;
  },

  double(shape, [x]) {
    const [, , H, W] = shape, out = new Float32Array(count(shape)), w = W / 2;
    for (let i = 0; i < out.length; i++) {
      const column = i % W, row = Math.floor(i / W);
      out[i] = x.data[(Math.floor(row / H) * H / 2 + (row % H >> 1)) * w + (column >> 1)];
    }
    return out;
  },
};

// Numbers of 16 bits, as their bytes.
function halves(bytes) {
  const words = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return Float32Array.from(words, (word) => {
    const exponent = word >> 10 & 31, part = word & 1023, sign = word & 32768 ? -1 : 1;
    return sign * (exponent ? 2 ** (exponent - 25) * (1024 + part) : 2 ** -24 * part);
  });
}

// What a script of script_of() told, as a function net(x, t, y) of arrays.
function network({ weights, constants, operations, answer }, bytes) {
  const numbers = halves(bytes), fixed = {}, last = {};
  let at = 0;
  weights.forEach((shape, i) => { fixed['w' + i] = { shape, data: numbers.subarray(at, at += count(shape)) }; });
  constants.forEach(({ shape, data }, i) => { fixed['c' + i] = { shape, data: Float32Array.from(data) }; });
  operations.forEach(([, takes], i) => takes.forEach(([name]) => { last[name] = i; }));
  return (...inputs) => {
    const known = {};
    inputs.forEach((data, i) => { known['i' + i] = data; });
    operations.forEach(([does, takes, how, shape], i) => {
      const values = takes.map(([name, as]) => fixed[name] || { data: known[name], shape: as });
      known['r' + i] = OPERATIONS[does](shape, values, how);
      takes.forEach(([name]) => { if (last[name] === i && name !== answer) delete known[name]; });
    });
    return known[answer];
  };
}
