'use strict';

const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat('en');
const money = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const currency = new URLSearchParams(location.search).get('currency');
const charts = {};
let shown = null;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function say(text, className) {
  byId('state').textContent = text;
  byId('state').className = className;
}

function showCards({ live, queue, refunds }) {
  const waiting = Object.values(queue);
  const cards = [
    ['Revenue', money.format(live.revenue_today)],
    ['Refunded', money.format(refunds.refunded_today)],
    ['Net', money.format(live.revenue_today - refunds.refunded_today)],
    ['Completed', whole.format(live.completed_today), live.completed_today ? 'good' : ''],
    ['Failed', whole.format(live.failed_today), live.failed_today ? 'bad' : ''],
    ['Pending', whole.format(live.pending_orders), live.pending_orders ? 'open' : ''],
    ['In payment', whole.format(live.processing_orders), live.processing_orders ? 'open' : ''],
    ['Orders a second', whole.format(live.orders_per_second)],
    ['Tasks waiting', waiting.length ? whole.format(waiting.reduce((a, b) => a + b, 0)) : 'unknown'],
  ];
  byId('cards').replaceChildren(...cards.map(([name, value, className]) => {
    const card = element('div');
    card.append(element('dt', name), element('dd', value, className));
    return card;
  }));
}

function showRefunds({ refunds }) {
  const { failed, awaiting_approval: waiting, days } = refunds;
  const told = [failed && `${whole.format(failed)} failed in the last ${days} days`,
    waiting && `${whole.format(waiting)} to approve`].filter(Boolean);
  byId('refunds').hidden = told.length === 0;
  byId('refunds-text').textContent = `Refunds that need attention: ${told.join(', ')}.`;
}

function showRows(id, entries, cells) {
  const rows = entries.map((entry) => {
    const row = element('tr');
    row.append(...cells(entry).map(([text, className]) => element('td', text, className)));
    return row;
  });
  const none = element('tr');
  none.append(Object.assign(element('td', 'No completed orders yet.', 'empty'), { colSpan: 4 }));
  byId(id).replaceChildren(...(rows.length ? rows : [none]));
}

function showBoards({ customers, products }) {
  showRows('customers', customers, (one) => [
    [one.rank], [one.customer_name || one.customer_id],
    [whole.format(one.order_count), 'number'], [money.format(one.total_spent), 'number'],
  ]);
  showRows('products', products, (one) => [
    [one.rank], [one.product_name || one.product_sku],
    [whole.format(one.total_quantity), 'number'], [money.format(one.total_revenue), 'number'],
  ]);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function chart(id, time, paths, series) {
  const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
  return new uPlot({
    width: byId(id).clientWidth, height: 220, cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
    axes: [
      { ...axis, space: 96, size: 32, incrs: time.incrs, values: time.values },
      { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => whole.format(tick)), incrs: STEPS },
    ],
    series: [{ label: time.label, value: (_, value) => (value == null ? '' : time.written(value)) }, ...series.map(([label, name, told]) => ({
      label, paths, fill: colour(name), stroke: colour(name), points: { show: false },
      value: (_, value, __, index) => (value == null ? '' : told(value, index)),
    }))],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), time.zone),
  }, [[], ...series.map(() => [])], byId(id));
}

const STEPS = [1, 2, 5].flatMap((step) => Array.from({ length: 12 }, (_, power) => step * 10 ** power)).sort((a, b) => a - b);
const DAY = {
  label: 'Day', zone: 'UTC', written: (tick) => new Date(tick * 1000).toISOString().slice(0, 10),
  incrs: [1, 2, 7, 14, 30, 90, 365].map((days) => days * 86400),
  values: (_, ticks) => ticks.map(DAY.written),
};
// In the reader's own time zone.
const dayOf = (tick) => new Date(tick * 1000).toLocaleDateString('sv');
const clockOf = (tick) => new Date(tick * 1000).toTimeString().slice(0, 5);
const CLOCK = {
  label: 'Time', zone: undefined, written: (tick) => `${dayOf(tick)} ${clockOf(tick)}`,
  incrs: [1, 2, 4, 6, 12, 24, 48, 96].map((hours) => hours * 3600),
  values: (_, ticks) => ticks.map((tick) => (clockOf(tick) === '00:00' ? dayOf(tick) : clockOf(tick))),
};

function bars(id, series) {
  return chart(id, DAY, uPlot.paths.bars({ size: [0.7, 48] }), series);
}

// Bars stand on each other: the one behind shows the sum, so it is drawn first.
function stack(days) {
  const sums = (...names) => days.map((day) => names.reduce((sum, name) => sum + day[name], 0));
  return [sums('order_count', 'orders_rolled_back', 'orders_failed'), sums('order_count', 'orders_rolled_back'), sums('order_count')];
}

// A chart is a picture to a screen reader: its name tells the last figures.
function tell(id, text) {
  byId(id).setAttribute('aria-label', text);
}

function showDays({ days }) {
  byId('no-days').hidden = days.length > 0;
  byId('charts').hidden = days.length === 0;
  if (!days.length) return;
  const times = days.map((day) => Date.parse(day.date) / 1000);
  const ofDay = (name) => (_, index) => whole.format(shown.days[index][name]);
  const moneyOf = (name) => (_, index) => money.format(shown.days[index][name]);
  // The bar of what was refunded stands behind that of the net revenue, and shows above it.
  charts.revenue ||= bars('revenue-chart', [
    ['Refunded', '--bad', moneyOf('refunded')], ['Net', '--accent', moneyOf('net_revenue')],
  ]);
  charts.orders ||= bars('orders-chart', [
    ['Failed', '--bad', ofDay('orders_failed')], ['Rolled back', '--open', ofDay('orders_rolled_back')],
    ['Completed', '--good', ofDay('order_count')],
  ]);
  const last = days.at(-1);
  tell('revenue-chart', `Revenue by day; ${last.date}: ${money.format(last.total_revenue)}, `
    + `${money.format(last.net_revenue)} after refunds`);
  tell('orders-chart', `Orders by day; ${last.date}: ${whole.format(last.order_count)} completed, `
    + `${whole.format(last.orders_rolled_back)} rolled back, ${whole.format(last.orders_failed)} failed`);
  const ofDays = (figure) => days.map((day) => day[figure]);
  const span = { min: times[0] - 86400, max: times.at(-1) + 86400 };
  for (const [name, data] of [['revenue', [ofDays('total_revenue'), ofDays('net_revenue')]], ['orders', stack(days)]]) {
    charts[name].setData([times, ...data], false);
    charts[name].setScale('x', span);
  }
}

function showAlerts({ alerts }) {
  // Replacing the list would make a screen reader tell it again.
  const text = JSON.stringify(alerts);
  if (byId('alert-list').dataset.shown === text) return;
  byId('alert-list').dataset.shown = text;
  byId('alerts').hidden = alerts.length === 0;
  byId('alert-list').replaceChildren(...alerts.map((one) => {
    const item = element('li');
    const line = element('p');
    line.append(
      element('strong', `${one.name.replaceAll('_', ' ')} (${one.subject})`, 'bad'), element('span', one.detail),
      element('span', `since ${CLOCK.written(Date.parse(one.raised_at) / 1000)}`),
    );
    item.append(line);
    return item;
  }));
}

function showFile(file) {
  const item = element('li');
  const line = element('p');
  const bad = file.rejected_lines + file.lines_of_rejected_orders;
  line.append(
    element('strong', file.file), element('span', file.status),
    element('span', `${whole.format(file.orders.accepted)} orders`),
    element('span', `${whole.format(file.statuses.completed)} completed`, 'good'),
  );
  if (file.statuses.authorized) {
    line.append(element('span', `${whole.format(file.statuses.authorized)} authorized`));
  }
  for (const [status, words] of [['rollback', 'rolled back'], ['failed', 'failed']]) {
    if (file.statuses[status]) line.append(element('span', `${whole.format(file.statuses[status])} ${words}`, 'bad'));
  }
  if (bad) {
    const button = element('button', `${whole.format(bad)} rejected lines`);
    button.type = 'button';
    button.addEventListener('click', () => showRejects(file));
    line.append(button);
  }
  item.append(line);
  if (file.refused_because) item.append(element('p', file.refused_because, 'bad'));
  const { orders, loaded, reserved, charged, settled } = file.progress;
  if (file.status === 'running' && orders) {
    const bar = Object.assign(element('progress'), { max: 4 * orders, value: loaded + reserved + charged + settled });
    bar.setAttribute('aria-label', `Progress of ${file.file}`);
    item.append(bar);
  }
  return item;
}

function showFiles({ files }) {
  // Replacing the list would take the focus from a button in it.
  const text = JSON.stringify(files);
  if (byId('files').dataset.shown === text) return;
  byId('files').dataset.shown = text;
  const none = element('li', 'No order files yet.', 'empty');
  byId('files').replaceChildren(...(files.length ? files.map(showFile) : [none]));
}

async function showRejects(file) {
  byId('rejects-title').textContent = `Rejected lines of ${file.file}`;
  byId('rejected').replaceChildren();
  byId('no-rejects').hidden = true;
  byId('rejects').showModal();
  try {
    const response = await fetch(`/api/imports/${encodeURIComponent(file.partition)}/rejects?limit=200`);
    const body = await response.json();
    if (!body.success) throw new Error(body.message);
    showRows('rejected', body.data, (one) => [
      [whole.format(one.line), 'number'], [one.order_number || ''], [one.column_name || ''], [one.message], [one.hint],
    ]);
  } catch (error) {
    byId('no-rejects').textContent = `The rejected lines cannot be shown: ${error.message}`;
    byId('no-rejects').hidden = false;
  }
}

function show(figures) {
  shown = figures;
  byId('currency').textContent = figures.currency;
  say(`Live, ${figures.today}`, 'live');
  showCards(figures);
  showRefunds(figures);
  showAlerts(figures);
  showDays(figures);
  showBoards(figures);
  showFiles(figures);
  document.dispatchEvent(new CustomEvent('figures', { detail: figures }));
}

function redraw() {
  for (const name of Object.keys(charts)) {
    charts[name].destroy();
    delete charts[name];
  }
  if (shown) showDays(shown);
  showHours(hours);
}

function listen() {
  const stream = new EventSource(`/api/events${currency ? `?currency=${encodeURIComponent(currency)}` : ''}`);
  stream.addEventListener('figures', (event) => show(JSON.parse(event.data)));
  stream.addEventListener('trouble', (event) => say(JSON.parse(event.data).message, 'trouble'));
  stream.addEventListener('error', () => {
    const gone = stream.readyState === EventSource.CLOSED;
    say(gone ? 'The server refused. Reload the page to try again.' : 'Connection lost, trying again…', 'trouble');
  });
}

// The modules load after this script, and the first figures are for them too.
document.addEventListener('DOMContentLoaded', listen);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
addEventListener('resize', redraw);
