// Sends order files that somebody drops on the page or chooses, one after the other, and tells what becomes of each.
(() => {
  'use strict';
  const zone = document.querySelector('#upload');
  if (!zone) return;
  const texts = zone.dataset;
  const input = zone.querySelector('input[type="file"]');
  const list = zone.querySelector('#sent');
  const headers = JSON.parse(document.body.getAttribute('hx-headers') || '{}');
  const MEBIBYTE = 1024 * 1024;

  function row(file) {
    const made = zone.querySelector('template').content.cloneNode(true).firstElementChild;
    made.querySelector('bdi').textContent = file.name;
    made.querySelector('progress').setAttribute('aria-label', file.name);
    list.append(made);
    return {
      tell: (done, whole) => {
        made.querySelector('progress').max = whole || 1;
        made.querySelector('progress').value = done;
        made.querySelector('[data-state]').textContent = done < whole ? `${Math.floor((done / whole) * 100)} %` : texts.reading;
      },
      end: (text, isGood) => {
        made.querySelector('progress').remove();
        made.querySelector('[data-state]').textContent = isGood ? texts.taken : texts.refused;
        made.querySelector('[data-state]').className = `badge ${isGood ? 'good' : 'bad'}`;
        made.querySelector('[data-why]').textContent = text;
      },
    };
  }

  const told = (body) => [body.message, body.hint].filter(Boolean).join(' ');

  function send(file, shown) {
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open('POST', `/api/files?${new URLSearchParams({ name: file.name })}`);
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.upload.addEventListener('progress', ({ loaded, total }) => shown.tell(loaded, total));
      request.addEventListener('error', () => resolve({ why: texts.lost }));
      request.addEventListener('load', () => {
        let body = {};
        try { body = JSON.parse(request.responseText); } catch { /* A proxy answers with a page. */ }
        if (request.status === 202) resolve({ key: body.data.partition });
        else if (request.status === 401) resolve({ why: texts.signIn });
        else resolve({ why: told(body) || texts.lost });
      });
      request.send(file);
    });
  }

  async function sendAll(files) {
    const keys = [];
    list.replaceChildren();
    for (const file of files) {
      const shown = row(file);
      let answer = { why: texts.tooLarge };
      if (!file.size) answer = { why: texts.empty };
      else if (file.size <= Number(texts.limit) * MEBIBYTE) answer = await send(file, shown);
      shown.end(answer.why || '', Boolean(answer.key));
      if (answer.key) keys.push(answer.key);
    }
    // A refusal stays where the person looks.
    if (keys.length === files.length) location.assign(keys.length === 1 ? `/files/${encodeURIComponent(keys[0])}` : '/files');
    input.value = '';
  }

  zone.querySelector('button').addEventListener('click', () => input.click());
  input.addEventListener('change', () => { if (input.files.length) sendAll([...input.files]); });
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    zone.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) zone.classList.remove('over'); });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    zone.classList.remove('over');
    if (event.dataTransfer.files.length) sendAll([...event.dataTransfer.files]);
  });
})();
