// Sends requests to the server that the page came from, and shows what it answers. Text goes in as text, never as HTML.
{
  /** An audit takes two minutes at most. */
  const TIMEOUT_MS = 150_000;
  /** Of an answer; a browser shows no more without stumbling. */
  const CHARS_MAX = 200_000;
  /** Of a stream, which would go on for ever. */
  const EVENTS_MAX = 20;
  const HEADERS = ['content-type', 'location', 'etag', 'retry-after', 'www-authenticate', 'x-request-id'];

  /** Its value is the only place where the token is kept. */
  const token = document.getElementById('token');
  const showToken = () => document.documentElement.classList.toggle('has-token', token.value !== '');
  token.addEventListener('input', showToken);
  showToken();
  for (const link of document.querySelectorAll('a[href="#token"]'))
    link.addEventListener('click', (event) => {
      event.preventDefault();
      token.focus();
    });

  for (const form of document.querySelectorAll('.send form')) {
    let underWay = null;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (underWay) return underWay.abort('stopped');
      const stop = new AbortController();
      underWay = stop;
      const timer = setTimeout(() => stop.abort(`stopped after ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
      const button = form.querySelector('button');
      button.textContent = 'Stop';
      await send(form, stop);
      clearTimeout(timer);
      button.textContent = 'Send';
      underWay = null;
    });
  }

  async function send(form, stop) {
    const status = form.parentElement.querySelector('[role=status]');
    const reply = form.parentElement.querySelector('.reply');
    const startedAt = performance.now();
    const took = () => `${Math.round(performance.now() - startedAt)} ms`;
    let what = 'No answer';
    // What the last request was answered is not taken for this one's answer.
    status.textContent = 'Sending …';
    status.className = '';
    try {
      const response = await fetch(urlOf(form), { ...partsOf(form), cache: 'no-store', signal: stop.signal });
      what = `${response.status} ${response.statusText}`;
      const body = document.createElement('code');
      const shown = element('pre', body);
      shown.tabIndex = 0;
      reply.replaceChildren(headerList(response.headers), shown);
      status.className = `s${String(response.status)[0]}`;
      const isStream = response.ok && 'stream' in form.dataset;
      if (isStream) status.textContent = `${what}, after ${took()}; events as they come`;
      const text = await readBody(response, stop, isStream ? (so_far) => (body.textContent = so_far) : null);
      if (!isStream) show(body, text);
      status.textContent = `${what}, ${took()}${isStream ? `: ${stop.signal.reason ?? 'the server ended it'}` : ''}`;
    } catch (error) {
      if (what === 'No answer') reply.replaceChildren();
      status.textContent = `${what}, ${took()}: ${stop.signal.reason ?? error.message}`;
    }
  }

  function urlOf({ dataset, elements }) {
    const inputs = (place) => [...elements].filter((one) => one.dataset.place === place && one.value !== '');
    const path = inputs('path').reduce(
      (url, { name, value }) => url.replace(`{${name}}`, () => encodeURIComponent(value)),
      dataset.path,
    );
    const query = new URLSearchParams(inputs('query').map(({ name, value }) => [name, value]));
    return `${location.origin}${path}${query.size > 0 ? `?${query}` : ''}`;
  }

  function partsOf(form) {
    const headers = new Headers();
    for (const { dataset, name, value } of form.elements)
      if (dataset.place === 'header' && value !== '') headers.set(name, headerText(name, value));
    const asOperator = form.querySelector('[data-as-operator]')?.checked ?? 'operators' in form.dataset;
    if (asOperator && token.value !== '') headers.set('Authorization', `Bearer ${token.value.trim()}`);
    const body = form.querySelector('textarea');
    if (!body?.value) return { method: form.dataset.method, headers };
    headers.set('Content-Type', body.dataset.type);
    return { method: form.dataset.method, headers, body: body.value };
  }

  /** A header takes no other letters; what an operator says of itself may be encoded like this. */
  function headerText(name, value) {
    const isPlain = /^[\x20-\x7e]*$/.test(value);
    return isPlain || !/^X-(Operator|Reason)$/.test(name) ? value : `UTF-8''${encodeURIComponent(value)}`;
  }

  /** The text of an answer, up to a bound; `onPart` hears of a stream as it comes. */
  async function readBody({ body }, stop, onPart) {
    let text = '';
    if (!body) return text;
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += part.value;
      if (onPart) {
        onPart(text.slice(0, CHARS_MAX));
        // A block ends with an empty line; one without data is a comment, which says that the stream stands.
        const blocks = text.split('\n\n').slice(0, -1);
        const events = blocks.filter((block) => /^data:/m.test(block)).length;
        if (events >= EVENTS_MAX || text.length > CHARS_MAX) stop.abort(`stopped after ${events} events`);
      } else if (text.length > CHARS_MAX) {
        await reader.cancel();
        return `${text.slice(0, CHARS_MAX)}\n… and more`;
      }
    }
    return text;
  }

  function show(place, text) {
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      place.textContent = text || 'no body';
      return;
    }
    place.textContent = JSON.stringify(json, null, 2);
    // Fields that nobody has written into take the default that is set last.
    for (const name of ['orderId', 'trackingId'])
      if (typeof json?.[name] === 'string')
        for (const input of document.querySelectorAll(`input[name=${name}]`)) input.defaultValue = json[name];
  }

  function headerList(headers) {
    const rows = HEADERS.filter((name) => headers.has(name)).map((name) =>
      element('div', element('dt', name), element('dd', headers.get(name))),
    );
    return element('dl', ...rows);
  }

  function element(name, ...contents) {
    const made = document.createElement(name);
    made.append(...contents);
    return made;
  }
}
