// Frames that a network made: marked base64, two pixels a byte, grey levels 0..15; see frames.py.

function unpack(text) {
  const packed = atob(text.slice('frames:'.length)), levels = new Uint8Array(2 * packed.length);
  for (let i = 0; i < packed.length; i++) {
    const byte = packed.charCodeAt(i);
    levels.set([byte >> 4, byte & 15], 2 * i);
  }
  return levels;
}

function paintLevels(canvas, levels, label) {
  const context = canvas.getContext('2d'), picture = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < canvas.width * canvas.height; i++) {
    const grey = levels ? 17 * levels[i] : 128;
    picture.data.set([grey, grey, grey, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  canvas.setAttribute('aria-label', label);
}
