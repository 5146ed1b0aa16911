// Walks from noise: the twins of sample_step(), classifier_free_guidance() and flow_steps().

// One step from t to s, eta of the way from DDIM to DDPM; pictures are kept within [-1, 1].
function sampleStep(eps, x, barT, barS, eta, z) {
  const left = Math.sqrt(barT), noise = Math.sqrt(1 - barT);
  const variance = eta ** 2 * (1 - barS) / (1 - barT) * (1 - barT / barS);
  const towards = Math.sqrt(Math.max(1 - barS - variance, 0)), std = barS < 1 ? Math.sqrt(variance) : 0;
  const guess = x.map((value, i) => Math.min(1, Math.max(-1, (value - noise * eps[i]) / left)));
  const next = guess.map((x0, i) => Math.sqrt(barS) * x0 + towards * (x[i] - left * x0) / noise + (std ? std * z[i] : 0));
  return [next, guess];
}

// One step of Euler's along a velocity; the guess is where it points.
function flowStep(velocity, x, t, s) {
  return [x.map((value, i) => value + (s - t) * velocity[i]), x.map((value, i) => value + (1 - t) * velocity[i])];
}

// (1 + w) of the answer with the label, less w of that without one.
function guided(net, x, t, y, none, w) {
  const at = Float32Array.of(t), conditional = net(x, at, Float32Array.of(y));
  if (w === 0) return conditional;
  const without = net(x, at, Float32Array.of(none));
  return conditional.map((e, i) => (1 + w) * e - w * without[i]);
}

// The states of a walk along these times, the noise first; a caller may let time pass between two of them. Pictures that
// are drawn side by side share the noise of a step: this one's begins behind that of the pictures before its place.
// A flow has no alphaBar, its network says a velocity.
function* walkFromNoise(net, x, times, alphaBar, { y, none, w, eta, seed, place = 0 }) {
  const fresh = (s) => normals(seed, s, (place + 1) * x.length).subarray(place * x.length);
  yield { t: times[0], x, guess: null };
  for (let k = 1; k < times.length; k++) {
    const [t, s] = [times[k - 1], times[k]], said = guided(net, x, t, y, none, w);
    let guess;
    [x, guess] = alphaBar ? sampleStep(said, x, alphaBar[t], alphaBar[s], eta, eta && s ? fresh(s) : null) : flowStep(said, x, t, s);
    yield { t: s, x, guess };
  }
}
