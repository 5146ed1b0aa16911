// Networks that draw in the page: fetched when somebody asks for them, and carried out beside the page.

// Scripts of networks call this; what they bring is kept for all figures of the page.
window.minidiffNetworks = window.minidiffNetworks || {};
window.minidiffNetwork = (name, program, weights) => { window.minidiffNetworks[name] = { program, weights }; };

// A page of the book has its networks beside it. A page over file:// may read a file only as a script.
function fetched(name) {
  const known = window.minidiffNetworks, root = document.documentElement.dataset.content_root;
  if (known[name]) return Promise.resolve(known[name]);
  if (root === undefined) return Promise.reject(new Error('no network'));
  return new Promise((resolve, reject) => {
    const script = add(document.head, 'script', { src: root + '_static/networks/' + name + '.js' });
    script.addEventListener('load', () => { if (known[name]) resolve(known[name]); else reject(new Error('no network')); });
    script.addEventListener('error', () => { script.remove(); reject(new Error('no network')); });
  });
}

// Workers that share the pictures among them; there are as many as pictures, but leave the page a processor of its own.
// bring(names) gets them networks; draw(walks, onStates) begins walks of one length, and ends those before them.
function drawer(code) {
  const brought = {}, workers = [], most = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));
  let wishes = 0, receive = null;
  function made() {
    const one = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
    one.onmessage = ({ data }) => { if (data.wish === wishes) receive(data); };
    for (const name in brought) one.postMessage({ name, ...brought[name] });
    return one;
  }
  return {
    has: (names) => names.every((name) => name in brought),
    draws: () => workers.length > 0,
    async bring(names) {
      for (const name of names) {
        const known = await fetched(name);
        if (name in brought) continue;  // somebody else, who asked meanwhile, was first
        brought[name] = known;
        for (const worker of workers) worker.postMessage({ name, ...known });
      }
    },
    draw(walks, onStates) {
      const come = walks.map(() => []);
      let told = 0;
      receive = ({ place, state }) => {
        come[place].push(state);
        if (come.every((states) => states.length > told)) onStates(come.map((states) => states[told]), told++);
      };
      wishes++;
      while (workers.length < Math.min(most, walks.length)) workers.push(made());
      workers.forEach((worker, i) => worker.postMessage({ wish: wishes,
        walks: walks.map((walk, place) => ({ ...walk, place })).filter(({ place }) => place % workers.length === i) }));
    },
  };
}

// ---- what is wished for ----------------------------------------------------------------------------

// Numbers on offer, for choice().
const offered = (values) => values.map((v) => [String(v), String(v)]);

const aDigit = (label) => (label === '8' ? 'an ' : 'a ') + label;

// A picture that is wished for: who draws it, in how many steps, from which noise; chosen are y, w and, of a diffusion,
// eta, seed and place, see walks.js.
const walkOf = ({ network, none, walks }, steps, x, chosen) => ({ network, x, ...walks[steps], chosen: { none, ...chosen } });

// The noise that one of several pictures starts from; all of them share the noise of T.
const startOf = ({ T }, { size }, seed, place = 0) =>
  Float32Array.from(normals(seed, T, (place + 1) * size * size).subarray(place * size * size));

// The first walks, kept when the figure was made: grey levels of x and the guess, frame by frame and picture by picture,
// and numbers that a figure says of its states.
function keptStates({ frames, numbers }, walks) {
  const levels = unpack(frames), noise = walks.map(({ times, x }) => ({ t: times[0], x, guess: null }));
  let at = 0;
  const next = (n) => Float32Array.from(levels.subarray(at, at += n), (level) => level / 7.5 - 1);
  const after = (k) => walks.map(({ times, x }) => ({ t: times[k], x: next(x.length), guess: next(x.length) }));
  const states = [noise, ...walks[0].times.slice(1).map((_, k) => after(k + 1))];
  if (numbers) states.forEach((state, k) => { state.numbers = numbers[k]; });
  return states;
}

// ---- pictures --------------------------------------------------------------------------------------

// A stage with x_t and the guess beside each other, and a place for controls.
function stageOfTwo(root, picture) {
  const stage = add(root, 'div', { class: 'mdw-stage', style: '--mdw-image:min(190px,calc((100cqw - 52px) / 2));gap:18px' });
  const canvases = ['x<sub>t</sub>, what the network sees', 'x̂<sub>0</sub>, the digit that it guesses'].map((html) => {
    const box = add(stage, 'div', { class: 'mdw-image', style: 'width:var(--mdw-image)' }), canvas = canvasOf(box, picture);
    add(box, 'div', { class: 'mdw-cap', html, 'aria-hidden': 'true' });
    return canvas;
  });
  return { canvases, side: add(stage, 'div', { class: 'mdw-side mdw-rows' }) };
}

// A stage with rows of pictures, each below its name, and a place for controls.
function stageOfRows(root, picture, columns, names) {
  const stage = add(root, 'div', { class: 'mdw-stage' }), wide = columns * Math.min(140, 380 / columns);
  const box = add(stage, 'div', { class: 'mdw-rows', style: 'flex:0 1 ' + wide + 'px;min-width:0' });
  const rows = names.map((html) => {
    const row = add(box, 'div');
    add(row, 'div', { class: 'mdw-hint', style: 'margin:0 0 4px', html, 'aria-hidden': 'true' });
    const line = add(row, 'div', { style: 'display:grid;gap:6px;grid-template-columns:repeat(' + columns + ',minmax(0,1fr))' });
    return Array.from({ length: columns }, () => canvasOf(add(line, 'div', { class: 'mdw-image mdw-frame' }), picture));
  });
  return { rows, side: add(stage, 'div', { class: 'mdw-side mdw-rows' }) };
}

// x_t and the guess of one picture; where says which it is, if there are several. Another network may draw larger ones.
function paintState(noisy, guess, state, where = '') {
  const size = Math.sqrt(state.x.length);
  for (const canvas of [noisy, guess]) if (canvas.width !== size) canvas.width = canvas.height = size;
  paint(noisy, state.x, 'x at t = ' + state.t + where);
  paint(guess, state.guess, (state.guess ? 'the guess of x 0 that led to t = ' + state.t : 'no guess yet') + where);
}

// ---- a film: walks shown frame by frame ------------------------------------------------------------

// Play, a slider through the frames, new noise, numbers, a sentence, and how long drawing took. The figure gives
// {controls, fresh: is there new noise?, walks(seed): one for each picture, paint(states), tiles,
// write(states, k): the texts}. Returns wish(), for whoever moves a control, and open(), which shows the first state.
function filmOf(root, data, { controls, fresh, walks: wished, paint: painted, tiles: names, write }) {
  const who = drawer(data.worker);
  let seed = data.seed, walks = [], states = [], seconds = null;
  // What is drawn is shown at once, or, when it is played, step by step. Who has once asked for a network has it drawn
  // whatever is wished for next.
  let asked = false, begun = false, atOnce = true;

  const time = add(root, 'div', { class: 'mdw-time' });
  controls.frame = slider(time, 'frame', 'Step', 'step of the walk', null, () => { atOnce = false; stop(); say.live(true); show(); });
  const buttons = add(time, 'div', { class: 'mdw-buttons' });
  if (fresh) button(buttons, 'New noise', () => { seed++; wish(); });
  const stop = player(buttons, () => say, play, stride);
  const numbers = tiles(root, names), say = sentence(root), taken = add(root, 'div', { class: 'mdw-hint mdw-taken' });

  const last = () => walks[0].times.length - 1;
  const asMade = () => data.computed && seed === data.seed &&
    Object.entries(data.state).every(([name, value]) => name === 'frame' || String(controls[name].value) === String(value));
  const noise = () => [walks.map(({ times, x }) => ({ t: times[0], x, guess: null }))];

  // Before a network draws, there is the noise; or what was drawn when the figure was made.
  function begin(frame) {
    walks = wished(seed);
    states = asMade() ? keptStates(data.computed, walks) : noise();
    [begun, seconds, atOnce] = [false, null, true];
    controls.frame.max = last();
    controls.frame.value = frame;
    show();
  }

  // Something else is wished for: what was drawn is thrown away, and drawn anew if there is a network.
  function wish() {
    stop();
    begin(0);
    if (asked) draw();
  }

  async function draw() {
    const mine = walks, whose = [...new Set(mine.map(({ network }) => network))];
    [begun, asked, states] = [true, true, noise()];
    controls.frame.value = 0;
    show();
    if (!who.has(whose)) say('The network is on its way.');
    try {
      await who.bring(whose);
    } catch (error) {
      if (mine === walks) fail();
      return;
    }
    if (mine !== walks) return;
    const start = performance.now();
    if (atOnce) say.live(false);  // one sentence is read aloud, the last, and not one for each step
    who.draw(mine, (next) => {
      if (next[0].guess) states.push(next);
      seconds = (performance.now() - start) / 1000;
      if (atOnce) {
        controls.frame.value = states.length - 1;
        if (states.length > last()) say.live(true);
      }
      show();
    });
  }

  function fail() {
    asked = who.draws();  // a network that came goes on at once when it is wished for again
    stop();
    begin(0);
    say('No network lies beside this page. In a notebook, md.viz.' + data.maker + '(embed=True) puts it into the figure.', 'warn');
  }

  function play() {
    atOnce = false;
    if (!begun) draw();
    else if (controls.frame.value >= last()) controls.frame.value = 0;
  }

  // The player strides every 50 ms; a walk is shown in about two seconds, or as fast as it is drawn, and no step for longer
  // than half a second.
  let strides = 0;
  function stride() {
    if (controls.frame.value < states.length - 1 && ++strides % Math.min(10, Math.max(1, Math.round(40 / last()))) === 0) {
      controls.frame.value++;
      show();
    }
    return controls.frame.value < last();
  }

  function show() {
    const k = Math.min(controls.frame.value, states.length - 1), { sentence: said, ...texts } = write(states[k], k);
    controls.frame.value = k;
    controls.frame.enabled = states.length > 1;
    painted(states[k]);
    numbers.set(texts);
    say(said);
    taken.textContent = seconds !== null ? states.length - 1 + ' of ' + last() + ' steps in ' + seconds.toFixed(1) + ' s, on this machine'
      : states.length > 1 ? 'These pictures were drawn beforehand. Press Play, and your browser draws them.' : '';
  }

  return {
    wish,
    open() {
      setAll(controls, data.state);
      begin(data.state.frame);
    },
  };
}
