// Walks from noise with a guess of the noise: the twins of sample_step() and classifier_free_guidance().

// One step from t to s, eta of the way from DDIM to DDPM; pictures are kept within [-1, 1].
function sampleStep(eps, x, barT, barS, eta, z) {
  const left = Math.sqrt(barT), noise = Math.sqrt(1 - barT);
  const variance = eta ** 2 * (1 - barS) / (1 - barT) * (1 - barT / barS);
  const towards = Math.sqrt(Math.max(1 - barS - variance, 0)), std = barS < 1 ? Math.sqrt(variance) : 0;
  const guess = x.map((value, i) => Math.min(1, Math.max(-1, (value - noise * eps[i]) / left)));
  const next = guess.map((x0, i) => Math.sqrt(barS) * x0 + towards * (x[i] - left * x0) / noise + (std ? std * z[i] : 0));
  return [next, guess];
}

// (1 + w) of the guess with the label, less w of that without one.
function guided(net, x, t, y, none, w) {
  const at = Float32Array.of(t), conditional = net(x, at, Float32Array.of(y));
  if (w === 0) return conditional;
  const without = net(x, at, Float32Array.of(none));
  return conditional.map((e, i) => (1 + w) * e - w * without[i]);
}

// The states of a walk along these times, the noise first; a caller may let time pass between two of them.
function* walkFromNoise(net, x, times, alphaBar, { y, none, w, eta, seed }) {
  yield { t: times[0], x, guess: null };
  for (let k = 1; k < times.length; k++) {
    const [t, s] = [times[k - 1], times[k]], eps = guided(net, x, t, y, none, w);
    let guess;
    [x, guess] = sampleStep(eps, x, alphaBar[t], alphaBar[s], eta, eta && s ? normals(seed, s, x.length) : null);
    yield { t: s, x, guess };
  }
}
