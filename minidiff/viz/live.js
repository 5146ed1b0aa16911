// A network that draws in the page: fetched when somebody asks for it, and carried out beside the page.

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

// A worker with that network. Its draw(wish, onState) begins a walk, and ends the one before it.
async function drawer(name, code) {
  const { program, weights } = await fetched(name);
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const worker = new Worker(address);
  let wishes = 0, receive = null;
  worker.onmessage = ({ data }) => { if (data.wish === wishes) receive(data); };
  worker.postMessage({ program, weights });
  return {
    draw(wish, onState) {
      receive = onState;
      worker.postMessage({ wish: ++wishes, ...wish });
    },
  };
}
