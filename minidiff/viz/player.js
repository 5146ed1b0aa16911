// A Play button that moves t: from here to the end in about ten seconds, however long the chain is.

// So many steps at a time lead there in 200 strides.
const strideOf = (T) => Math.max(1, Math.round(T / 200));

// Given: where the button goes, speaker() that gives the sentence that falls silent meanwhile, begin() that
// is called first, and tick() that takes one of 200 strides and says whether there is more. Returns stop().
function player(parent, speaker, begin, tick) {
  let timer = 0;
  const play = button(parent, 'Play', () => { if (timer) stop(); else start(); });
  function stop() {
    if (timer) { clearInterval(timer); speaker().live(true); }
    timer = 0;
    play.textContent = 'Play';
  }
  function start() {
    begin();
    play.textContent = 'Pause';
    speaker().live(false);
    timer = setInterval(() => { if (!tick() || !play.isConnected) stop(); }, 50);
  }
  return stop;
}
