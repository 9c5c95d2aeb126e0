// Sends the token of a link that signs in once, and takes it out of the address and the history first.
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
  // Opened in a tab that shows this page already, a link changes only the fragment.
  addEventListener('hashchange', follow);
})();
