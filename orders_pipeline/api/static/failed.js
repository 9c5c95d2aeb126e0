// Failed work and its retry; uses the helpers of dashboard.js.
import { ask, withKey } from './confirm.js';

const PAGE = 20;
const QUIET_MS = 5_000;
let offset = 0;
let seen = '';
let looking = false;
let lookAgain = false;
let later = null;
let looks = 0;

const words = (reason) => reason.replaceAll('_', ' ');
const when = (moment) => moment.slice(0, 16).replace('T', ' ');
const counted = (counts) => Object.entries(counts).map(([reason, number]) => `${whole.format(number)} ${words(reason)}`).join(', ');
const many = (number, one, several = `${one}s`) => `${whole.format(number)} ${number === 1 ? one : several}`;

function chosen() {
  const given = Object.fromEntries([...new FormData(byId('failed-filter'))].filter(([, value]) => value));
  if (given.since) given.since = new Date(given.since).toISOString();
  return given;
}

async function look() {
  if (looking) {
    lookAgain = true;
    return;
  }
  looking = true;
  lookAgain = false;
  try {
    const query = new URLSearchParams({ ...chosen(), limit: PAGE, offset });
    const body = await (await fetch(`/api/failed?${query}`, { headers: withKey() })).json();
    if (!body.success) throw new Error(body.message);
    show(body.data);
  } catch (error) {
    byId('failed-state').textContent = `Failed work cannot be shown: ${error.message}`;
  } finally {
    looking = false;
    if (lookAgain) look();
  }
}

function show({ counts, orders, steps, imports, files }) {
  const told = Object.entries(counts).filter(([, reasons]) => Object.keys(reasons).length)
    .map(([kind, reasons]) => `${kind}: ${counted(reasons)}`);
  byId('failed-state').textContent = told.join('; ') || 'Nothing has failed.';
  showReasons(Object.values(counts).flatMap(Object.keys));
  list('failed-orders', orders, orderRow);
  list('failed-steps', steps, stepItem);
  list('failed-imports', imports, importItem);
  list('failed-files', files, fileItem);
  byId('retry-all').hidden = !orders.length;
  byId('failed-newer').hidden = offset === 0;
  byId('failed-older').hidden = Math.max(orders.length, steps.length, imports.length, files.length) < PAGE;
}

function showReasons(reasons) {
  const select = byId('failed-reason');
  const kept = select.value;
  const options = [...new Set([...reasons, ...(kept ? [kept] : [])])].sort();
  select.replaceChildren(new Option('any', ''), ...options.map((reason) => new Option(words(reason), reason, false, reason === kept)));
}

function list(id, items, made) {
  // Replacing what is the same would take the focus, and close what is open.
  const text = JSON.stringify(items);
  const place = byId(id);
  place.closest('[data-list]').hidden = !items.length;
  if (place.dataset.shown === text) return;
  place.dataset.shown = text;
  place.replaceChildren(...items.map(made));
}

function button(text, name, clicked) {
  const made = Object.assign(element('button', text), { type: 'button' });
  made.setAttribute('aria-label', name);
  made.addEventListener('click', clicked);
  return made;
}

function orderRow(one) {
  const row = element('tr');
  const cells = [one.order_id, one.source, words(one.reason), one.message, whole.format(one.attempts), when(one.failed_at), one.file];
  row.append(...cells.map((text) => element('td', text)), element('td'));
  row.lastChild.append(button('Retry…', `Retry order ${one.order_id}`, () => retry({ orders: [one.order_id], source: one.source })));
  return row;
}

function stepItem(one) {
  const item = element('li');
  const where = one.batch ? `batch ${one.batch}` : 'whole file';
  const trace = Object.assign(element('pre', one.trace), { tabIndex: 0 });
  const details = element('details');
  details.append(element('summary', `Stack trace of ${one.step}, run ${one.run_id}`), trace);
  item.append(element('p', `${one.file}, ${where}: ${one.step} failed, ${many(one.attempts, 'try', 'tries')}, last ${when(one.failed_at)}`));
  item.append(element('p', `${one.reason}: ${one.message}`, 'bad'), details);
  return item;
}

function importItem(one) {
  const item = element('li');
  const line = element('p');
  line.append(element('strong', one.file), element('span', words(one.reason), 'bad'), element('span', when(one.failed_at)));
  if (one.reason === 'stalled') {
    line.append(button('Retry…', `Retry the import of ${one.file}`, () => retry({ stalled: true, file: one.partition })));
  }
  if (one.reason === 'refused') {
    line.append(button('Dismiss…', `Dismiss the refused import of ${one.file}`, () => dismiss(one.file, { imports: [one.partition] })));
  }
  item.append(line, element('p', one.message));
  return item;
}

function fileItem(one) {
  const item = element('li');
  const line = element('p');
  line.append(element('strong', one.file), element('span', words(one.reason), 'bad'), element('span', when(one.failed_at)));
  if (one.retry_asked) line.append(element('span', 'is tried again'));
  else line.append(button('Retry…', `Retry the file ${one.file}`, () => retryFile(one)));
  line.append(button('Dismiss…', `Dismiss the file ${one.file}`, () => dismiss(one.file, { ids: [one.id] })));
  item.append(line, element('p', one.message), element('p', one.hint));
  return item;
}

function retryFile(one) {
  ask({
    title: 'Retry a file', path: '/api/quarantine/retry', body: { ids: [one.id] },
    text: `${one.file} will be staged again, and imported if it can be read.`,
    after: () => `${one.file} is tried again within seconds.`, then: look,
  });
}

function dismiss(name, choice) {
  ask({
    title: 'Dismiss a file', path: '/api/quarantine/dismiss', body: choice, because: true,
    text: `${name} will no longer be listed here. It is not imported.`,
    after: () => `${name} is dismissed.`, then: look,
  });
}

function retry(choice) {
  const title = choice.stalled ? 'Retry a stalled import' : 'Retry failed orders';
  const told = ({ orders, by_reason: reasons, imports }) => (choice.stalled
    ? many(imports.length, 'import') : `${many(orders, 'order')} of ${many(imports.length, 'file')}${orders ? `: ${counted(reasons)}` : ''}`);
  ask({
    title, path: '/api/failed/retry', body: choice,
    before: (found) => `${told(found)} will be retried. Each order begins a new attempt, with a new idempotency key.`,
    after: (done) => `${told(done)} retried; the import is launched within seconds.`,
    then: look,
    empty: (found) => !found.orders && !(choice.stalled && found.imports.length),
  });
}

function retryAll() {
  const choice = chosen();
  retry(Object.keys(choice).length ? choice : { all: true });
}

byId('retry-all').addEventListener('click', retryAll);

function turn(by) {
  offset = Math.max(0, offset + by);
  look();
}
byId('failed-newer').addEventListener('click', () => turn(-PAGE));
byId('failed-older').addEventListener('click', () => turn(PAGE));
byId('failed-filter').addEventListener('input', () => turn(-offset));
byId('failed-filter').addEventListener('submit', (event) => event.preventDefault());

document.addEventListener('figures', ({ detail }) => {
  const now = JSON.stringify([detail.live.failed_today, detail.files.map((file) => [file.status, file.statuses]), detail.alerts.map((alert) => alert.subject)]);
  if (now !== seen) {
    seen = now;
    // The first look comes at once; while an import is at work, one every few seconds is enough.
    later ||= setTimeout(() => { later = null; look(); }, looks++ ? QUIET_MS : 0);
  }
});
