// Behaviour of every page: the search key, copying, dialogs, and messages about failed requests.
(() => {
  'use strict';
  const isTyping = (element) => element.matches('input, textarea, select, [contenteditable]');

  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    event.preventDefault();
    const search = document.querySelector('#search');
    search.focus();
    search.select();
  });

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('[data-copy]');
    if (button) {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.querySelector('[data-told]').textContent = button.dataset.copied;
      setTimeout(() => { button.querySelector('[data-told]').textContent = ''; }, 2000);
    }
    if (event.target.closest('[data-close]')) event.target.closest('dialog')?.close();
  });

  // The orders of a list that are selected: counted, all or none at once.
  document.addEventListener('change', ({ target }) => {
    const form = document.querySelector('#bulk');
    if (!form || target.form !== form) return;
    const boxes = [...document.querySelectorAll('input[form="bulk"]')];
    if (target.matches('[data-select-page]')) for (const box of boxes) box.checked = target.checked;
    const many = boxes.filter((box) => box.checked).length;
    form.querySelector('[data-select-page]').checked = many === boxes.length;
    form.querySelector('[data-selection]').textContent = many ? form.dataset.selected.replace('{count}', many) : '';
  });

  // Typing into a field selects the choice to which it belongs.
  document.addEventListener('input', ({ target }) => {
    if (target.dataset.chooses) target.form.querySelector(`[name="what"][value="${target.dataset.chooses}"]`).checked = true;
  });

  // What a link or form puts into the dialog is shown at once; an empty dialog is closed.
  document.addEventListener('htmx:afterSwap', ({ detail }) => {
    if (detail.target.id !== 'dialog') return;
    const dialog = document.querySelector('#dialog');
    if (!dialog.open) dialog.showModal();
  });

  const offline = () => document.querySelector('#offline');
  document.addEventListener('htmx:sendError', () => { offline().hidden = false; });
  addEventListener('offline', () => { offline().hidden = false; });
  addEventListener('online', () => { offline().hidden = true; });

  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    offline().hidden = true;
    if (detail.xhr.status < 400) return;
    const inDialog = document.querySelector('#dialog').open;
    detail.shouldSwap = true;
    detail.selectOverride = 'unset';
    detail.swapOverride = 'innerHTML';
    detail.target = document.querySelector(inDialog ? '#dialog-notice' : '#notice') || document.querySelector('#notice');
  });

  // A select, a checkbox or a date that was picked applies at once. Text and a date that is typed apply on Enter, and
  // such a date also when the focus leaves the form, because browsers report a change with each digit.
  let typed = null;
  const apply = (form, field) => {
    const { start_date: first, end_date: last } = form.elements;
    const other = field === first ? last : field === last ? first : null;
    if (other?.value && last.value && last.value < first.value) other.value = field.value;
    typed = null;
    form.requestSubmit();
  };
  document.addEventListener('change', (event) => {
    const form = event.target.closest('form[data-apply]');
    if (!form || event.target === typed) return;
    if (event.target.matches('select, input[type="date"], input[type="checkbox"]')) apply(form, event.target);
  });
  document.addEventListener('keydown', (event) => {
    const form = event.target.closest?.('form[data-apply]');
    if (!form || !event.target.matches('input[type="date"]')) return;
    if (/^(\d|ArrowUp|ArrowDown|Backspace|Delete)$/.test(event.key) && !event.altKey) typed = event.target;
    // Enter on the button of a field opens its calendar.
    if (event.key !== 'Enter' || event.target !== typed) return;
    event.preventDefault();
    apply(form, event.target);
  });
  document.addEventListener('focusout', (event) => {
    const field = typed;
    const form = field?.closest('form');
    if (!form || form.contains(event.relatedTarget)) return;
    typed = null;
    const dates = [...form.elements].filter((one) => one.type === 'date');
    if (dates.some((one) => one.value !== one.defaultValue)) apply(form, field);
  });
  // Empty fields would only lengthen an address that people share.
  document.addEventListener('formdata', (event) => {
    if (event.target.method !== 'get') return;
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
})();
