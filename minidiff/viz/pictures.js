// Grey pictures on canvases; see pictures.py.

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// The pictures of a figure that has packed.js too, values in [-1, 1]: the twin of from_bytes() in pictures.py.
function picturesOf({ pictures, labels, width, height }) {
  const size = width * height, all = unpacked(pictures, labels.length * size);
  return labels.map((_, k) => Float64Array.from(all.subarray(k * size, (k + 1) * size), (v) => v / 127.5 - 1));
}

const combine = (a, x, b, y) => x.map((v, i) => a * v + b * y[i]);

// The Nice property.
const noised = (x0, { alphaBar }, t, noise) => combine(Math.sqrt(alphaBar[t]), x0, Math.sqrt(1 - alphaBar[t]), noise);

const canvasOf = (parent, { width, height }, role = 'img') => add(parent, 'canvas', { width, height, role });

// An image of grey levels 0..255; without them it is plain grey.
function imageOf(context, width, height, levels) {
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const grey = levels ? levels[i] : 128;
    image.data.set([grey, grey, grey, 255], 4 * i);
  }
  return image;
}

function paintLevels(canvas, levels, label) {
  const context = canvas.getContext('2d');
  context.putImageData(imageOf(context, canvas.width, canvas.height, levels), 0, 0);
  if (label) canvas.setAttribute('aria-label', label);
}

// Values in [-1, 1], those beyond drawn black or white; null draws plain grey.
const paint = (canvas, x, label) => paintLevels(canvas, x && x.map((v) => Math.round((Math.min(1, Math.max(-1, v)) + 1) * 127.5)), label);

// A group of small pictures to choose from.
function pictureChoice(parent, data, pictures, onInput) {
  const fill = (k) => (node) => paint(canvasOf(node, data, 'presentation'), pictures[k]);
  return choice(parent, 'picture', 'Picture', data.labels.map((label, k) => [String(k), label, fill(k)]), onInput);
}

// So many small pictures side by side, from t = 0 to T: each a canvas and a caption that says t.
function filmstrip(parent, data, frames, style = false) {
  const film = add(parent, 'div', { class: 'mdw-film', style });
  return Array.from({ length: frames }, (_, k) => {
    const cell = add(film, 'div', { class: 'mdw-image mdw-frame' }), area = canvasOf(cell, data);
    const caption = add(cell, 'div', { class: 'mdw-cap', 'aria-hidden': 'true' });
    return (T, pictureAt, words) => {
      const t = Math.round(k / (frames - 1) * T);
      caption.textContent = String(t);
      paint(area, pictureAt(t), 'x at t = ' + t + ', ' + words);
    };
  });
}
