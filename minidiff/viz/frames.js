// Frames that a network made: marked base64, two pixels a byte, grey levels 0..15; see frames.py.

function unpack(text) {
  const packed = bytes(text.slice('frames:'.length)), levels = new Uint8Array(2 * packed.length);
  packed.forEach((byte, i) => levels.set([byte >> 4, byte & 15], 2 * i));
  return levels;
}

const paintFrame = (canvas, levels, label) => paintLevels(canvas, levels && levels.map((v) => 17 * v), label);
