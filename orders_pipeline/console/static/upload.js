// Sends order files that a user drops on the page or chooses, in parts (tus 1.0). After a broken connection, or even on
// another day, the same file continues where it stopped. Nothing is imported before the user confirms it.
(() => {
  'use strict';
  const zone = document.querySelector('#upload');
  if (!zone) return;
  const texts = zone.dataset;
  const input = zone.querySelector('input[type="file"]');
  const list = zone.querySelector('#sent');
  const session = JSON.parse(document.body.getAttribute('hx-headers') || '{}');
  const MEBIBYTE = 1024 * 1024;
  const PART = 16 * MEBIBYTE;
  const WAITS = [1, 2, 4, 8, 15, 30, 30, 30, 30, 30].map((seconds) => seconds * 1000);

  class Refused extends Error {}
  class Broken extends Error {}

  function row(file) {
    const made = zone.querySelector('template').content.cloneNode(true).firstElementChild;
    const [bar, state, why] = ['progress', '[data-state]', '[data-why]'].map((one) => made.querySelector(one));
    made.querySelector('bdi').textContent = file.name;
    bar.setAttribute('aria-label', file.name);
    bar.max = file.size || 1;
    list.append(made);
    return {
      tell: (done) => {
        bar.value = done;
        why.textContent = '';
        state.textContent = `${Math.floor((done / file.size) * 100)} %`;
      },
      wait: () => { why.textContent = texts.waiting; },
      refuse: (text) => {
        bar.remove();
        state.textContent = texts.refused;
        state.className = 'badge bad';
        why.textContent = text;
      },
      finish: (address) => {
        bar.remove();
        const link = document.createElement('a');
        link.href = address;
        link.textContent = texts.look;
        link.className = 'button';
        state.replaceChildren(link);
      },
    };
  }

  function ask(method, address, headers, body, tell) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, address);
      for (const [name, value] of Object.entries({ ...session, 'Tus-Resumable': '1.0.0', ...headers })) request.setRequestHeader(name, value);
      if (tell) request.upload.addEventListener('progress', ({ loaded }) => tell(loaded));
      request.addEventListener('error', () => reject(new Broken()));
      request.addEventListener('load', () => {
        const { status } = request;
        if (status < 300) resolve(request);
        // Another part may still be arriving, the end may be elsewhere, or the server may be starting again.
        else if ([409, 423, 429].includes(status) || status >= 500) reject(new Broken());
        else if (status === 404 || status === 410) resolve(null);
        else reject(new Refused(status === 401 ? texts.signIn : messageOf(request) || texts.lost));
      });
      request.send(body);
    });
  }

  function messageOf(request) {
    const page = new DOMParser().parseFromString(request.responseText, 'text/html');
    return (page.querySelector('#main .told p') || page.querySelector('.notice'))?.textContent.trim();
  }

  const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const known = (file) => `upload ${file.name} ${file.size} ${file.lastModified}`;

  async function begin(file) {
    const headers = { 'Upload-Length': file.size, 'Upload-Metadata': `filename ${encoded(file.name)}` };
    const address = (await ask('POST', '/uploads', headers))?.getResponseHeader('Location');
    localStorage.setItem(known(file), address);
    return { address, offset: 0 };
  }

  async function found(file) {
    const address = localStorage.getItem(known(file));
    const answer = address && await ask('HEAD', address, {});
    return answer ? { address, offset: Number(answer.getResponseHeader('Upload-Offset')) } : begin(file);
  }

  async function sendParts(file, shown) {
    let { address, offset } = await found(file);
    while (offset < file.size) {
      const start = offset;
      const headers = { 'Upload-Offset': start, 'Content-Type': 'application/offset+octet-stream' };
      const answer = await ask('PATCH', address, headers, file.slice(start, start + PART), (sent) => shown.tell(start + sent));
      if (answer) offset = Number(answer.getResponseHeader('Upload-Offset'));
      else ({ address, offset } = await begin(file));
      shown.tell(offset);
    }
    localStorage.removeItem(known(file));
    return address.replace('/uploads/', '/files/new/');
  }

  async function send(file, shown) {
    for (const wait of [...WAITS, null]) {
      try {
        return await sendParts(file, shown);
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        if (wait === null) throw new Refused(texts.lost);
        shown.wait();
        await new Promise((resolve) => { setTimeout(resolve, wait); });
      }
    }
    return null;
  }

  async function sendAll(files) {
    list.replaceChildren();
    const rows = files.map((file) => [file, row(file)]);
    const arrived = [];
    for (const [file, shown] of rows) {
      try {
        if (!file.size) throw new Refused(texts.empty);
        if (file.size > Number(texts.limit) * MEBIBYTE) throw new Refused(texts.tooLarge);
        arrived.push(await send(file, shown));
        shown.finish(arrived.at(-1));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        shown.refuse(error.message);
      }
    }
    input.value = '';
    if (arrived.length === 1 && files.length === 1) location.assign(arrived[0]);
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
