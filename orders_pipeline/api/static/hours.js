'use strict';

const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
let hours = [];

function area(id, series) {
  return chart(id, CLOCK, uPlot.paths.stepped({ align: -1 }), series);
}

// Nothing is known of the queues of a snapshot that was taken while the broker was away.
function tasks(snapshot, ...queues) {
  const known = queues.filter((queue) => queue in snapshot.waiting_tasks);
  return known.length ? known.reduce((sum, queue) => sum + snapshot.waiting_tasks[queue], 0) : null;
}

function drawHours() {
  const ofQueue = (queue) => (_, index) => whole.format(tasks(hours[index], queue) ?? 0);
  charts.settled ||= area('settled-chart', [['Settled a second', '--good', (value) => tenths.format(value)]]);
  charts.waiting ||= area('waiting-chart', [
    ['Orders', '--accent', ofQueue('orders')], ['Files and figures', '--open', ofQueue('dagster')],
  ]);
  const times = hours.map((one) => Date.parse(one.taken_at) / 1000);
  // They stand on each other: the one behind shows the sum.
  const waiting = [hours.map((one) => tasks(one, 'orders', 'dagster')), hours.map((one) => tasks(one, 'dagster'))];
  charts.settled.setData([times, hours.map((one) => one.settled_per_second)]);
  charts.waiting.setData([times, ...waiting]);
}

function showHours(snapshots) {
  hours = snapshots;
  byId('no-hours').hidden = snapshots.length > 0;
  byId('hours').hidden = snapshots.length === 0;
  if (!snapshots.length) return;
  drawHours();
  const period = byId('period').selectedOptions[0].textContent;
  const last = snapshots.at(-1);
  const waiting = tasks(last, 'orders', 'dagster');
  tell('settled-chart', `Orders settled per second in the last ${period}; last: ${tenths.format(last.settled_per_second ?? 0)}`);
  tell('waiting-chart', `Tasks waiting in the last ${period}; last: ${waiting === null ? 'unknown' : whole.format(waiting)}`);
}

async function lookAtHours() {
  try {
    const body = await (await fetch(`/api/snapshots?hours=${byId('period').value}`)).json();
    if (body.success) showHours(body.data);
  } catch {
    // The stream says that the server is gone; the next look is in a minute.
  }
}

byId('period').addEventListener('change', lookAtHours);
lookAtHours();
setInterval(lookAtHours, 60_000);
