// Pauses and resumes the intake of new files.
import { ask } from './confirm.js';

function showIntake({ paused, since, by, because }) {
  byId('intake').hidden = !paused;
  byId('intake-pause').hidden = paused;
  if (paused) byId('intake-text').textContent = `New files wait since ${since.slice(0, 16).replace('T', ' ')} UTC: paused by ${by}${because ? `, ${because}` : ''}.`;
}

byId('intake-pause').addEventListener('click', () => ask({
  title: 'Pause the intake', path: '/api/intake/pause', body: {}, because: true,
  text: 'New files will wait. Imports that have begun, and retries, go on to their end.', after: () => 'New files wait now.',
}));
byId('intake-resume').addEventListener('click', () => ask({
  title: 'Resume the intake', path: '/api/intake/resume', body: {},
  text: 'New files will be imported again.', after: () => 'New files are imported again.',
}));

document.addEventListener('figures', ({ detail }) => showIntake(detail.intake));
