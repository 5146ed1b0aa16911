// A Play button that moves t: from here to the end in about ten seconds, however long the chain is.

// Given: the button, the sentence that falls silent meanwhile, tick() that takes one of 200 strides
// and says whether there is more, and begin() that is called first. Returns stop().
function player(button, say, begin, tick) {
  let timer = 0;
  function stop() {
    if (timer) { clearInterval(timer); say.live(true); }
    timer = 0;
    button.textContent = 'Play';
  }
  function start() {
    begin();
    button.textContent = 'Pause';
    say.live(false);
    timer = setInterval(() => { if (!tick() || !button.isConnected) stop(); }, 50);
  }
  button.addEventListener('click', () => { if (timer) stop(); else start(); });
  return stop;
}
