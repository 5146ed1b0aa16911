// ---- noise that needs no storage: normal number i of step t from a hash of (seed, t, i) ------------
// The twin of chain_noise() in hash_noise.py: murmur3's finaliser, then Box and Muller.

function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function normals(seed, t, n) {
  const first = mix(mix(seed + 0x9e3779b9 | 0) ^ t), second = mix(first + 0x9e3779b9 | 0), z = new Float64Array(n);
  const uniform = (j) => (mix(mix(j + first | 0) ^ second) + 0.5) / 4294967296;
  for (let i = 0; i < n; i++) z[i] = Math.sqrt(-2 * Math.log(uniform(2 * i))) * Math.cos(2 * Math.PI * uniform(2 * i + 1));
  return z;
}
