// One dialog for every action: it asks for the key where none is kept, shows what would be done, and does it.
const KEY = 'orders-key';
let action = null;
let state = 'key';

export function withKey() {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export function ask(asked) {
  action = asked;
  byId('confirm-title').textContent = asked.title;
  byId('confirm-because').hidden = !asked.because;
  byId('confirm-text').textContent = '';
  byId('confirm').showModal();
  enter(sessionStorage.getItem(KEY) ? 'preview' : 'key');
}

function enter(next, text) {
  state = next;
  byId('confirm-key').hidden = next !== 'key';
  byId('confirm-go').textContent = { key: 'Go on', preview: action.title, done: 'Close' }[next];
  byId('confirm-go').disabled = false;
  byId('confirm-cancel').hidden = next === 'done';
  if (text !== undefined) byId('confirm-text').textContent = text;
  else if (next === 'key') byId('confirm-text').textContent = 'This needs a key that may operate. It is kept until this tab is closed.';
  else if (next === 'preview') preview();
}

async function send(body) {
  const headers = { 'Content-Type': 'application/json', ...withKey() };
  const response = await fetch(action.path, { method: 'POST', headers, body: JSON.stringify(body) });
  const answered = await response.json();
  if (answered.success) return answered.data;
  if (response.status === 401 || response.status === 403) sessionStorage.removeItem(KEY);
  throw new Error(answered.message);
}

function refused(error) {
  enter(sessionStorage.getItem(KEY) ? 'done' : 'key', error.message);
}

async function preview() {
  if (!action.before) {
    byId('confirm-text').textContent = action.text;
    return;
  }
  byId('confirm-go').disabled = true;
  try {
    const found = await send({ ...action.body, dry_run: true });
    byId('confirm-text').textContent = action.before(found);
    byId('confirm-go').disabled = action.empty(found);
  } catch (error) {
    refused(error);
  }
}

async function act() {
  byId('confirm-go').disabled = true;
  const because = action.because ? { because: byId('confirm-why').value } : {};
  try {
    const done = await send({ ...action.body, ...because });
    byId('confirm-because').hidden = true;
    enter('done', action.after(done));
    action.then?.();
  } catch (error) {
    refused(error);
  }
}

byId('confirm-form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (state === 'key') {
    sessionStorage.setItem(KEY, byId('confirm-secret').value.trim());
    byId('confirm-secret').value = '';
    enter('preview');
  } else if (state === 'preview') act();
  else byId('confirm').close();
});
byId('confirm-cancel').addEventListener('click', () => byId('confirm').close());
