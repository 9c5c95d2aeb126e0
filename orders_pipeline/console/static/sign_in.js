// Removes the token of a sign-in link from the address and the history, and then sends it.
(() => {
  'use strict';
  const follow = () => {
    const token = new URLSearchParams(location.hash.slice(1)).get('once');
    const form = document.querySelector('#link-form');
    if (!token) return;
    history.replaceState(null, '', location.pathname + location.search);
    form.hidden = false;
    const other = document.querySelector('#password-form');
    if (other) other.hidden = true;
    form.elements.once.value = token;
    form.submit();
  };
  follow();
  // If a link is opened in a tab that already shows this page, only the fragment changes.
  addEventListener('hashchange', follow);
})();
