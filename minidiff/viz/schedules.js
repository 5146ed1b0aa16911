// Noise schedules, in doubles: the formulas of minidiff.chain.schedule, and what is written about one at t.

const bar = (inside) => '√<span class="mdw-root">' + inside + '</span>';
Object.assign(NAMES, {
  beta_t: 'β<sub>t</sub>', alpha_bar_t: 'ᾱ<sub>t</sub>', alpha_bar_T: 'ᾱ<sub>T</sub>',
  sqrt_alpha_bar_t: bar('ᾱ<sub>t</sub>'), sqrt_one_minus_alpha_bar_t: bar('1 − ᾱ<sub>t</sub>'), snr_t: 'SNR<sub>t</sub>',
});
Object.assign(SPOKEN, {
  beta_t: 'beta t', alpha_bar_t: 'alpha bar t', alpha_bar_T: 'alpha bar T', sqrt_alpha_bar_t: 'square root of alpha bar t',
  sqrt_one_minus_alpha_bar_t: 'square root of one minus alpha bar t', snr_t: 'signal-to-noise ratio at t',
});

// Tables over t = 0..T of the schedule with these variances.
function scheduleOf(T, betaAt) {
  const beta = new Float64Array(T + 1), alphaBar = new Float64Array(T + 1), snr = new Float64Array(T + 1);
  alphaBar[0] = 1;
  snr[0] = Infinity;
  for (let t = 1; t <= T; t++) {
    beta[t] = betaAt(t);
    alphaBar[t] = alphaBar[t - 1] * (1 - beta[t]);
    snr[t] = alphaBar[t] / (1 - alphaBar[t]);
  }
  return { T, beta, alphaBar, snr };
}

// The last variance is met exactly.
const linear = (T, first, last) => scheduleOf(T, (t) => t < T ? first + (t - 1) * ((last - first) / (T - 1)) : last);

function cosine(T, s) {
  const f = (t) => Math.cos((t / T + s) / (1 + s) * Math.PI / 2) ** 2;
  return scheduleOf(T, (t) => Math.min(1 - f(t) / f(t - 1), 0.999));
}

// What is made for 1000 steps, for T of them; twin of rescaled_schedule() in schedules.py.
const rescaledLinear = (T) => linear(T, 1000 / T * 1e-4, 1000 / T * 0.02);
const rescaledSchedule = (name, T) => name === 'cosine' ? cosine(T, 0.008) : rescaledLinear(T);

// The twin of values_at() in schedules.py.
function valuesAt({ beta, alphaBar, snr }, t) {
  const left = alphaBar[t];
  return { beta_t: number(beta[t]), alpha_bar_t: number(left), sqrt_alpha_bar_t: number(Math.sqrt(left)),
    sqrt_one_minus_alpha_bar_t: number(Math.sqrt(1 - left)), snr_t: number(snr[t]) };
}
