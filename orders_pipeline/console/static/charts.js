// Draws the bar charts of a page; each bar links to its days.
(() => {
  'use strict';
  const TONES = {
    net_revenue: '--accent', refunded: '--refund', order_count: '--accent', orders_rolled_back: '--warn', orders_failed: '--bad', settled: '--accent', waiting: '--accent',
  };
  const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
  const drawn = new Map();

  // Stacked bars: the bar behind shows the sum, so it is drawn first.
  function stacked(values) {
    const sums = [];
    values.forEach((series) => {
      const below = sums.at(-1);
      sums.push(series.map((value, index) => value + (below ? below[index] : 0)));
    });
    return sums.reverse();
  }

  function dayText(day, step) {
    if (step === 'hour' && day.slice(11) !== '00') return `${day.slice(11)}:00`;
    const [year, month, date] = day.slice(0, 10).split('-');
    return step === 'month' ? `${MONTHS[month - 1]} ${year}` : `${Number(date)} ${MONTHS[month - 1]}`;
  }

  // As many labels as fit, each at a bar; the year only where it changes.
  function labels(chart, width) {
    const every = Math.max(1, Math.ceil((chart.days.length * 84) / width));
    return chart.days.map((day, index) => {
      if (index % every) return null;
      const before = chart.days[index - every];
      const isNewYear = !['month', 'hour'].includes(chart.step) && (!before || before.slice(0, 4) !== day.slice(0, 4));
      return dayText(day, chart.step) + (isNewYear ? ` ${day.slice(0, 4)}` : '');
    });
  }

  function tell(legend, chart, index) {
    const number = new Intl.NumberFormat('en', { minimumFractionDigits: chart.digits, maximumFractionDigits: chart.digits });
    legend.querySelectorAll('b').forEach((place, figure) => {
      place.textContent = index == null ? '' : number.format(chart.values[figure][index]);
    });
    legend.querySelector('[data-days]').textContent = index == null ? '' : chart.told[index];
  }

  function draw(place) {
    drawn.get(place)?.destroy();
    const chart = JSON.parse(place.dataset.chart);
    const legend = document.querySelector(`[data-legend="${chart.name}"]`);
    const texts = labels(chart, place.clientWidth - 64);
    const axis = { stroke: colour('--quiet'), font: '12px Inter, system-ui, sans-serif', ticks: { show: false } };
    const plot = new uPlot({
      width: place.clientWidth, height: 240, padding: [8, 0, 0, 0],
      legend: { show: false }, cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
      scales: {
        x: { time: false, range: () => [-0.6, chart.days.length - 0.4] },
        y: { range: (_, low, high) => [Math.min(0, low * 1.05), high > 0 ? high * 1.05 : 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 28, splits: () => chart.days.map((_, index) => index), values: (_, at) => at.map((index) => texts[index]) },
        { ...axis, grid: { stroke: colour('--line'), width: 1 }, size: 56, values: (_, ticks) => ticks.map((tick) => short.format(tick)) },
      ],
      series: [{}, ...[...chart.figures].reverse().map((figure) => ({
        fill: colour(TONES[figure]), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.75, 36] }),
      }))],
      hooks: { setCursor: [(self) => tell(legend, chart, self.cursor.idx)] },
    }, [chart.days.map((_, index) => index), ...stacked(chart.values)], place);
    plot.over.addEventListener('click', () => {
      if (plot.cursor.idx != null && chart.urls[plot.cursor.idx]) location.assign(chart.urls[plot.cursor.idx]);
    });
    drawn.set(place, plot);
  }

  function drawAll() {
    for (const place of drawn.keys()) if (!place.isConnected) drawn.delete(place);
    document.querySelectorAll('[data-chart]').forEach(draw);
  }

  document.addEventListener('htmx:afterSettle', drawAll);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  let width = innerWidth;
  addEventListener('resize', () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawAll();
  });
  drawAll();
})();
