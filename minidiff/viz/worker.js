// What runs beside the page: it is given a network once, and then draws what the page wishes for.

let net = null, newest = 0;

onmessage = ({ data }) => {
  if (data.program) net = network(data.program, Uint8Array.from(atob(data.weights), (letter) => letter.charCodeAt(0)));
  else draw(data);
};

async function draw({ wish, x, times, alphaBar, chosen }) {
  newest = wish;
  for (const state of walkFromNoise(net, x, times, alphaBar, chosen)) {
    postMessage({ wish, ...state });
    await new Promise((next) => { setTimeout(next); });  // a newer wish may have come meanwhile
    if (newest !== wish) return;
  }
}
