// Keeps the parts of a page that change up to date, while the page can be seen.
(() => {
  'use strict';
  const address = '/live';
  const AGAIN_MS = 10_000;
  let stream = null;
  let published = null;

  // The figures of the page's period are loaded again when newer ones were published.
  function publish(when) {
    const isNew = published !== null && published !== when;
    published = when;
    if (isNew) window.htmx.trigger(document.body, 'published');
  }

  function show({ name, html }) {
    if (name === 'published') publish(html);
    for (const place of document.querySelectorAll(`[data-live="${name}"]`)) {
      // A part in which the user works is not replaced, because that would take the focus.
      if (place.contains(document.activeElement)) {
        place.addEventListener('focusout', () => setTimeout(() => show({ name, html })), { once: true });
        continue;
      }
      place.innerHTML = html;
      window.htmx?.process(place);
    }
  }

  function look() {
    const offline = document.querySelector('#offline');
    stream = new EventSource(address + (document.body.dataset.liveQuery || ''));
    stream.addEventListener('open', () => { offline.hidden = true; });
    stream.addEventListener('part', (event) => show(JSON.parse(event.data)));
    stream.addEventListener('error', () => {
      offline.hidden = false;
      if (stream?.readyState === EventSource.CLOSED) lookAgain();
    });
  }

  // A browser does not reconnect after an error response, such as one of a proxy while the server restarts.
  async function lookAgain() {
    stream = null;
    const answer = await fetch(location.href, { method: 'HEAD' }).catch(() => null);
    if (answer?.status === 401) {
      document.querySelector('#offline').hidden = true;
      document.querySelector('#signed-out').hidden = false;
    } else setTimeout(follow, AGAIN_MS);
  }

  // A browser opens few connections to a server, so hidden pages close theirs.
  function follow() {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) look();
  }

  addEventListener('pagehide', () => stream?.close());
  document.addEventListener('visibilitychange', follow);
  follow();
})();
