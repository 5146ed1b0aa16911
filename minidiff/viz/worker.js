// What runs beside the page: it is brought networks, and then draws what the page wishes for.

const networks = {};
let newest = 0;

onmessage = ({ data }) => {
  if (data.program) networks[data.name] = network(data.program, Uint8Array.from(atob(data.weights), (letter) => letter.charCodeAt(0)));
  else draw(data);
};

// Walks of one length, side by side: a picture after the other takes a step.
async function draw({ wish, walks }) {
  newest = wish;
  const going = walks.map(({ network, x, times, alphaBar, chosen, place }) =>
    ({ place, states: walkFromNoise(networks[network], x, times, alphaBar, chosen) }));
  while (going.length) {
    for (const { place, states } of going) {
      const { done, value: state } = states.next();
      if (done) return;
      postMessage({ wish, place, state });
      await new Promise((next) => { setTimeout(next); });  // a newer wish may have come meanwhile
      if (newest !== wish) return;
    }
  }
}
