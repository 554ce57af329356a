'use strict';
// Draws the curves, moves the sliders, shows what the page already holds. Text is only ever set as text.
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const SVG = 'http://www.w3.org/2000/svg';
  const all = (root, query) => [...root.querySelectorAll(query)];

  /** An element with attributes (functions are listeners) and children. */
  function make(name, attributes = {}, ...children) {
    const drawn = ['svg', 'g', 'line', 'path', 'polygon', 'text', 'title', 'rect'].includes(name);
    const node = drawn ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === 'function') node.addEventListener(key, value);
      else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
    }
    node.append(...children);
    return node;
  }

  /** A number with so many significant digits. */
  const short = (v, digits = 3) =>
    v.toLocaleString('en', { maximumSignificantDigits: digits, minimumSignificantDigits: 1 });
  const fixed = (v, digits) => v.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

  /** Where an axis has its numbers: 1, 2 and 5 times powers of ten. */
  function ticks(low, high, count, log) {
    const found = [];
    if (log) {
      const decades = Math.log10(high / low);
      const steps = decades * 9 <= count ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : decades * 3 <= count ? [1, 2, 5] : [1];
      for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++) {
        for (const m of steps) {
          const v = m * 10 ** k;
          if (v >= low && v <= high) found.push(+v.toPrecision(3));
        }
      }
      if (found.length > 1) return found;
    }
    const raw = (high - low) / Math.max(1, count);
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = unit * [1, 2, 5, 10].find(m => m * unit >= raw * 0.999);
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(+(k * step).toPrecision(9));
    return found;
  }

  /** Axis from values: a little wider than they are; linear ones that count something start at zero. */
  function axis(values, log, zero) {
    let low = Math.min(...values), high = Math.max(...values);
    if (log) return { low: low / (high / low) ** 0.05 / 1.04, high: high * (high / low) ** 0.05 * 1.04, log };
    const more = (high - low) * 0.07 || Math.abs(high) * 0.01 || 1;
    return { low: zero ? 0 : low - more, high: high + more, log };
  }

  const place = (a, v) => a.log ? Math.log(v / a.low) / Math.log(a.high / a.low) : (v - a.low) / (a.high - a.low);

  /** Lines of a chart of quality against rate or time: points with what they say. */
  function lines(set, state, kind, level) {
    const metric = set.metrics[state.metric] || set.rate;
    return set.series.map((series, i) => {
      const points = [];
      if (kind === 'time' && level !== undefined) {
        const at = set.levels[state.metric][level][i];
        if (at) points.push({ x: at[0], y: at[1], full: true });
      } else {
        series.points.forEach((p, j) => {
          const x = kind === 'rate' ? p.rate : p.encode;
          const y = set.metrics.length ? p.quality[state.metric] : p.rate;
          if (x > 0 && y != null) points.push({ x, y, j, p, full: !set.metrics.length || p.full[state.metric] });
        });
      }
      points.sort((a, b) => a.x - b.x);
      return { series, i, points, metric };
    }).filter(l => l.points.length && !state.hidden.has(l.i));
  }

  /** What a point says: name, and figures. */
  function says(set, line, q) {
    const parts = [];
    const rate = set.rate;
    if (q.p && q.p.rate != null) parts.push(`${fixed(q.p.rate, rate.digits)} ${rate.unit}`);
    if (set.metrics.length) parts.push(`${line.metric.label} ${fixed(q.y, line.metric.digits)} ${line.metric.unit}`.trim());
    const encode = q.p ? q.p.encode : q.x;
    if (encode != null) parts.push(`encode ${short(encode)} s`);
    if (q.p && q.p.decode != null) parts.push(`decode ${short(q.p.decode)} s`);
    if (q.p && (!q.full || q.p.good < q.p.of)) parts.push(`${q.p.good} of ${q.p.of} inputs`);
    if (!q.p) parts.push('between settings');
    return { name: line.series.name, setting: q.p ? q.p.setting : '', figures: parts.join(' · ') };
  }

  class Chart {
    constructor(figure, number, state) {
      Object.assign(this, { figure, number, state, set: data.sets[number], kind: figure.dataset.kind });
      this.plot = figure.querySelector('.plot');
      this.readout = figure.querySelector('.readout');
      this.log = figure.querySelector('[data-role=log]');
      this.level = figure.querySelector('[data-role=level]');
      this.tip = make('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
      for (const input of [this.log, this.level]) if (input) input.addEventListener('change', () => this.draw());
      new ResizeObserver(() => { if (this.plot.clientWidth !== this.width) this.draw(); }).observe(this.plot);
      this.current = [0, 0];
      this.draw();
    }

    draw() {
      const { set, state, kind } = this;
      const focused = this.svg && this.svg.contains(document.activeElement);
      const level = this.level && this.level.value !== 'all' ? +this.level.value : undefined;
      const width = this.width = this.plot.clientWidth;
      const shown = this.lines = lines(set, state, kind, level);
      const points = shown.flatMap(l => l.points);
      if (!points.length) {
        this.svg = null;
        return this.plot.replaceChildren(make('p', { class: 'quiet' }, 'No point to draw: choose another metric or codec.'));
      }
      const metric = set.metrics[state.metric] || set.rate;
      const height = Math.round(Math.max(260, Math.min(440, width * 0.58)));
      const box = { left: 50, top: 30, right: width - 14, bottom: height - 44 };
      const xs = axis(points.map(p => p.x), this.log.checked, true), ys = axis(points.map(p => p.y), false, false);
      const px = v => box.left + (box.right - box.left) * place(xs, v);
      const py = v => box.bottom - (box.bottom - box.top) * place(ys, v);
      const svg = make('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group',
        'aria-label': `${metric.label} against ${kind === 'rate' ? 'rate' : 'encoding time'}, ${points.length} points`,
        keydown: e => this.key(e), pointermove: e => this.near(e), pointerdown: e => this.near(e, true),
        pointerleave: () => this.leave() });
      const text = (x, y, anchor, words, name = '') => svg.append(make('text', { x, y, 'text-anchor': anchor, class: name }, words));
      const seen = ticks(ys.low, ys.high, height / 55, false);
      const digits = Math.max(0, ...seen.map(v => (String(v).split('.')[1] || '').length));
      for (const v of seen) {
        svg.append(make('line', { class: 'grid', x1: box.left, x2: box.right, y1: py(v), y2: py(v) }));
        text(box.left - 7, py(v) + 4, 'end', fixed(v, Math.min(4, digits)));
      }
      for (const v of ticks(xs.low, xs.high, width / 70, xs.log)) {
        svg.append(make('line', { class: 'grid', x1: px(v), x2: px(v), y1: box.top, y2: box.bottom }));
        text(px(v), box.bottom + 17, 'middle', short(v, 4));
      }
      svg.append(make('path', { class: 'axes', d: `M${box.left} ${box.top}V${box.bottom}H${box.right}` }));
      const unit = metric.unit ? `${metric.label} (${metric.unit})` : metric.label;
      text(2, 15, 'start', `${unit}, ${metric.up ? 'more' : 'less'} is better`, 'title');
      const below = kind === 'rate' ? `${set.rate.label} (${set.rate.unit})` : 'Encode time (seconds per input)';
      text((box.left + box.right) / 2, height - 8, 'middle', below, 'title');
      this.places = [];
      const taken = [];
      shown.forEach((line, l) => {
        const whole = line.points.filter(p => p.full);
        const path = whole.map((p, k) => `${k ? 'L' : 'M'}${px(p.x).toFixed(1)} ${py(p.y).toFixed(1)}`).join('');
        const name = `c${line.series.style % data.colours}${line.series.own ? ' own' : ''}`;
        const group = make('g', { class: name }, make('path', { class: 'curve', d: path }));
        const shape = data.markers[line.series.style % data.markers.length];
        const size = line.series.own ? 5.5 : 4.5;
        line.points.forEach((q, k) => {
          const [x, y] = [px(q.x), py(q.y)];
          const what = says(set, line, q);
          const marker = make('polygon', { points: shape.map(([a, b]) => `${(x + a * size).toFixed(1)},${(y + b * size).toFixed(1)}`).join(' ') });
          const node = make('g', { class: q.full ? 'point' : 'point hollow', role: 'img', tabindex: -1,
            'aria-label': `${what.name} ${what.setting}: ${what.figures}`, focus: () => this.show(l, k, true), blur: () => this.leave() }, marker);
          group.append(node);
          this.places.push({ l, k, x, y, node });
          taken.push([x - 6, y - 6, x + 6, y + 6]);
        });
        svg.append(group);
      });
      shown.forEach((line, l) => this.name(svg, line, this.places.filter(p => p.l === l), taken, box));
      this.svg = svg;
      this.plot.replaceChildren(svg, this.tip);
      if (!this.at(...this.current)) this.current = [0, 0];
      this.at(...this.current).node.setAttribute('tabindex', 0);
      this.tip.hidden = true;
      if (focused) this.at(...this.current).node.focus();
    }

    /** Writes the name of a line beside one of its points, where it covers nothing. */
    name(svg, line, places, taken, box) {
      const words = line.series.name, wide = words.length * 7 + 4;
      for (const p of [...places].reverse()) {
        for (const [dx, dy, anchor] of [[9, 4, 'start'], [-9, 4, 'end'], [0, -10, 'middle'], [0, 19, 'middle']]) {
          const x = p.x + dx - (anchor === 'end' ? wide : anchor === 'middle' ? wide / 2 : 0), y = p.y + dy;
          const room = [x, y - 11, x + wide, y + 3];
          const free = room[0] > box.left && room[2] < box.right + 12 && room[1] > box.top - 8 && room[3] < box.bottom &&
            !taken.some(t => t[0] < room[2] && room[0] < t[2] && t[1] < room[3] && room[1] < t[3]);
          if (!free) continue;
          taken.push(room);
          return svg.append(make('text', { x: p.x + dx, y, 'text-anchor': anchor, 'aria-hidden': 'true',
            class: `name c${line.series.style % data.colours}${line.series.own ? ' own' : ''}` }, words));
        }
      }
    }

    at(l, k) { return this.places.find(p => p.l === l && p.k === k); }

    /** Arrow keys: left and right along a line, up and down to the nearest point of the next one. */
    key(e) {
      const [l, k] = this.current;
      let next;
      if (e.key === 'ArrowRight') next = this.at(l, k + 1);
      else if (e.key === 'ArrowLeft') next = this.at(l, k - 1);
      else if (e.key === 'Home') next = this.at(l, 0);
      else if (e.key === 'End') next = this.at(l, this.lines[l].points.length - 1);
      else if (e.key === 'ArrowUp' || e.key === 'ArrowDown') {
        const other = (l + (e.key === 'ArrowUp' ? -1 : 1) + this.lines.length) % this.lines.length;
        const here = this.at(l, k);
        next = this.places.filter(p => p.l === other).sort((a, b) => Math.abs(a.x - here.x) - Math.abs(b.x - here.x))[0];
      } else return;
      e.preventDefault();
      if (next) next.node.focus();
    }

    near(e, choose = false) {
      const r = this.svg.getBoundingClientRect();
      const far = p => Math.hypot(p.x - (e.clientX - r.left), p.y - (e.clientY - r.top));
      const best = this.places.reduce((a, b) => far(b) < far(a) ? b : a);
      if (far(best) < 32) this.show(best.l, best.k, choose);
      else this.leave();
    }

    leave() {
      this.tip.hidden = true;
      for (const p of this.places) p.node.classList.remove('lit');
    }

    show(l, k, choose) {
      const here = this.at(l, k), line = this.lines[l], q = line.points[k];
      this.leave();
      here.node.classList.add('lit');
      const what = says(this.set, line, q);
      this.tip.replaceChildren(make('b', {}, what.name), ` ${what.setting}`, make('br'), what.figures);
      this.tip.hidden = false;
      const wide = this.tip.offsetWidth, high = this.tip.offsetHeight;
      this.tip.style.left = `${Math.max(0, Math.min(this.width - wide, here.x - wide / 2))}px`;
      this.tip.style.top = `${here.y - high - 12 < 0 ? here.y + 14 : here.y - high - 12}px`;
      if (!choose) return;
      for (const p of this.places) p.node.setAttribute('tabindex', p === here ? 0 : -1);
      this.current = [l, k];
      const command = q.p && document.getElementById(`c${this.number}-${line.i}-${q.j}`);
      this.readout.replaceChildren(make('p', {}, make('b', {}, what.name), ` ${what.setting} · ${what.figures}`));
      if (command) this.readout.append(copyable(command.querySelector('pre').cloneNode(true)));
    }
  }

  /** A command with a button that copies it. */
  function copyable(pre) {
    const button = make('button', { type: 'button', class: 'copy', click: async () => {
      const range = document.createRange();
      range.selectNodeContents(pre);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      try { await navigator.clipboard.writeText(pre.textContent); button.textContent = 'copied'; }
      catch { button.textContent = 'selected'; }
      setTimeout(() => { button.textContent = 'copy'; }, 1500);
    } }, 'copy');
    return make('div', { class: 'copyable' }, pre, button);
  }

  /** Charts, tables and choices of one dataset, which go together. */
  function dataset(section) {
    const number = +section.dataset.set, state = { metric: 0, hidden: new Set() };
    const metric = section.querySelector('[data-role=metric]'), anchor = section.querySelector('[data-role=anchor]');
    const charts = all(section, '.chart').map(f => new Chart(f, number, state));
    const update = () => {
      if (metric) state.metric = metric.selectedIndex;
      charts.forEach(c => c.draw());
      if (!anchor) return;
      const key = data.sets[number].metrics[state.metric].key;
      for (const body of all(section, '.bd tbody')) body.hidden = body.dataset.metric !== key || body.dataset.anchor !== anchor.value;
    };
    for (const choice of [metric, anchor]) if (choice) choice.addEventListener('change', update);
    for (const button of all(section, '.legend button')) {
      button.addEventListener('click', () => {
        const i = +button.dataset.series;
        if (!state.hidden.delete(i)) state.hidden.add(i);
        button.setAttribute('aria-pressed', !state.hidden.has(i));
        charts.forEach(c => c.draw());
      });
    }
    if (metric || anchor) update();
  }

  /** A slider over two shots of an example: any codec, beside the original or another at like bytes. */
  function compare(section) {
    const gallery = section.querySelector('.gallery');
    const shots = gallery ? all(gallery, 'figure') : [];
    if (shots.length < 2) return;
    gallery.open = false;
    const [original, ...rest] = shots;
    const codecs = [...new Set(rest.map(f => f.dataset.codec))];
    const of = codec => rest.filter(f => f.dataset.codec === codec);
    const options = names => names.map(n => make('option', { value: n }, n));
    const left = make('select', {}, make('option', { value: '' }, 'original'), ...options(codecs));
    const right = make('select', {}, ...options(codecs));
    const setting = make('select', {});
    const zoom = make('select', {}, ...[['fit', 'fit'], ['1', '1:1'], ['2', '2:1']].map(([value, words]) => make('option', { value }, words)));
    const pictures = [make('img', { alt: '' }), make('img', { alt: '', class: 'over' })];
    const names = [make('span', { class: 'tag left' }), make('span', { class: 'tag right' })];
    const handle = make('span', { class: 'handle', 'aria-hidden': 'true' });
    const slider = make('input', { type: 'range', min: 0, max: 100, value: 50, step: 1, 'aria-label': 'Where the left picture ends and the right one begins' });
    const stage = make('div', { class: 'stage' }, ...pictures, handle, slider, ...names);
    const captions = [make('p', { class: 'small' }), make('p', { class: 'small' })];
    const players = section.dataset.kind === 'sound' ? [0, 1].map(() => make('audio', { controls: true, preload: 'auto' })) : [];
    const label = (words, input) => make('label', {}, `${words} `, input);
    const middle = f => f[f.length >> 1].dataset.setting;
    const show = () => {
      const b = of(right.value).find(f => f.dataset.setting === setting.value) || of(right.value)[0];
      const off = f => Math.abs(Math.log(f.dataset.bytes / b.dataset.bytes));
      const a = left.value ? of(left.value).reduce((x, y) => off(y) < off(x) ? y : x) : original;
      [a, b].forEach((f, i) => {
        const name = `${f.dataset.codec} ${f.dataset.setting}`.trim();
        const share = i === 0 && left.value ? ` · ${fixed(100 * f.dataset.bytes / b.dataset.bytes, 0)} % of the bytes on the right` : '';
        pictures[i].src = f.querySelector('img').src;
        pictures[i].alt = `${i ? 'Right' : 'Left'}: ${name}`;
        names[i].textContent = name;
        captions[i].replaceChildren(make('b', {}, `${i ? 'Right' : 'Left'}: ${name}`), f === original ? '' : ` · ${f.dataset.caption}${share}`);
        if (players[i]) {
          const src = f.querySelector('audio').src;
          if (players[i].src !== src) players[i].src = src;
          players[i].setAttribute('aria-label', `${i ? 'Right' : 'Left'}: ${name}`);
        }
      });
    };
    const settings = () => {
      setting.replaceChildren(...of(right.value).map(f => make('option', { value: f.dataset.setting }, `${f.dataset.setting} · ${f.dataset.caption.split(' · ')[1] || ''}`)));
      setting.value = middle(of(right.value));
      show();
    };
    const move = () => {
      stage.style.setProperty('--at', `${slider.value}%`);
      slider.setAttribute('aria-valuetext', `${slider.value} % left, ${100 - slider.value} % right`);
    };
    const size = () => {
      const w = +original.querySelector('img').getAttribute('width');
      // A picture of a few pixels fits by whole multiples, so that they stay square.
      const times = w < 200 ? Math.max(1, Math.floor(320 / w)) : 1;
      stage.style.width = zoom.value === 'fit' ? `min(100%, ${w * times}px)` : `${w * zoom.value * times}px`;
      stage.classList.toggle('sharp', zoom.value !== 'fit' || times > 1);
    };
    // The one that starts goes on where the other one is.
    players.forEach((p, i) => p.addEventListener('play', () => {
      const other = players[1 - i];
      if (!other.paused) { p.currentTime = other.currentTime; other.pause(); }
    }));
    right.addEventListener('change', settings);
    for (const s of [left, setting]) s.addEventListener('change', show);
    zoom.addEventListener('change', size);
    slider.addEventListener('input', move);
    gallery.before(
      make('div', { class: 'controls' }, label('Left', left), label('Right', right), label('Setting', setting), label('Zoom', zoom)),
      make('div', { class: 'scroll', role: 'region', 'aria-label': 'Comparison', tabindex: -1 }, stage),
      make('div', { class: 'pair' }, ...captions.map((c, i) => make('div', {}, c, ...(players[i] ? [players[i]] : [])))));
    settings();
    move();
    size();
  }

  document.documentElement.classList.add('scripted');
  for (const pre of all(document, '.command pre')) {
    const holder = pre.parentNode;
    holder.append(copyable(pre));
  }
  all(document, '.set').forEach(dataset);
  all(document, '.compare').forEach(compare);
  document.documentElement.dataset.ready = 'yes';
})();
