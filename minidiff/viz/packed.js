// Bytes in few letters: the twin of packed() in packed.py.

function unpacked(text, count) {
  const [lengths, words] = text.split(' '), packed = bytes(words), values = [], out = new Uint8Array(count);
  // The value of a code word stands at the number that is a 1 and then the word.
  for (let length = 1, word = 2; length < 36; length++, word *= 2) {
    [...lengths].forEach((digit, value) => { if (parseInt(digit, 36) === length) values[word++] = value; });
  }
  for (let i = 0, bit = 0, word = 1; i < count; bit++) {
    word = 2 * word + (packed[bit >> 3] >> (7 - bit % 8) & 1);
    if (word in values) {
      out[i++] = values[word];
      word = 1;
    }
  }
  return out;
}
