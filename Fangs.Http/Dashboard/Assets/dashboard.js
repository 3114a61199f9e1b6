// Copy buttons, times that stay relative, and parts of the page that are kept up to date. Pages can be read without any of it.
'use strict';
(() => {
  document.documentElement.classList.add('scripted');

  const ago = (seconds) =>
    seconds < -1 ? 'future' : seconds < 60 ? `${Math.max(0, Math.floor(seconds))}s ago`
      : seconds < 3600 ? `${Math.floor(seconds / 60)}m ago` : seconds < 172800 ? `${Math.floor(seconds / 3600)}h ago` : `${Math.floor(seconds / 86400)}d ago`;

  // The clock of this machine may be wrong; what counts is the time that has passed since the page was made.
  const opened = performance.now();
  const refreshTimes = () => {
    for (const element of document.querySelectorAll('time[title]')) {
      if (!/( ago|^future)$/.test(element.textContent)) continue;
      if (element.madeAt === undefined) {
        element.madeAt = element.seenAt ?? opened;
        const [, number, unit] = /^(\d+)([smhd])/.exec(element.textContent) ?? [null, '0', 's'];
        element.age = Number(number) * { s: 1, m: 60, h: 3600, d: 86400 }[unit];
        element.isFuture = element.textContent === 'future';
      }
      if (!element.isFuture) element.textContent = ago(element.age + (performance.now() - element.madeAt) / 1000);
    }
  };
  setInterval(refreshTimes, 5000);
  refreshTimes();

  document.addEventListener('click', async (event) => {
    const button = event.target.closest('button[data-copy]');
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      // Without TLS browsers lend no clipboard, but they still copy a selection.
      const area = document.createElement('textarea');
      area.value = button.dataset.copy;
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
      button.focus();
    }
    button.classList.add('done');
    setTimeout(() => button.classList.remove('done'), 1200);
  });

  const parts = () => [...document.querySelectorAll('[data-live]')];
  const state = document.querySelector('[data-live-state]');
  const show = (isOn) => {
    if (!state) return;
    state.hidden = false;
    state.dataset.liveState = isOn ? 'on' : 'off';
    state.querySelector('.live-text').textContent = isOn ? 'Live' : 'Not live, trying again';
  };

  // Whoever is at a link or a button with the keyboard stays there when the part around it is replaced.
  const replace = (part, html) => {
    // What looks the same but for the age of things is left alone.
    const fresh = document.createElement('template');
    fresh.innerHTML = html;
    const plain = (text) => text.replace(/>[^<]*<\/time>/g, '></time>').replace(/\s+/g, ' ').trim();
    if (plain(fresh.innerHTML) === plain(part.innerHTML)) return;
    const at = part.contains(document.activeElement) ? document.activeElement : null;
    const key = at && (at.getAttribute('href') ?? at.dataset.copy);
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) return; // somebody is copying from it
    part.replaceChildren(fresh.content);
    for (const time of part.querySelectorAll('time')) time.seenAt = performance.now();
    if (key) [...part.querySelectorAll('a, button')].find((e) => (e.getAttribute('href') ?? e.dataset.copy) === key)?.focus();
  };

  // The run of this page has come to its end: what belongs to it besides the verdict is fetched once.
  const reload = async () => {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.querySelector('main')?.replaceWith(page.querySelector('main'));
  };

  const names = [...new Set(parts().map((part) => part.dataset.live))];
  if (names.length === 0 || !window.EventSource) return;
  const source = new EventSource(`/ui/live?regions=${names.map(encodeURIComponent).join(',')}`);
  source.addEventListener('hello', () => show(true));
  source.addEventListener('error', () => show(false));
  source.addEventListener('region', (event) => {
    const { region, html } = JSON.parse(event.data);
    for (const part of parts().filter((p) => p.dataset.live === region)) {
      const wasOpen = part.querySelector('[data-state="open"]') !== null;
      replace(part, html);
      if (wasOpen && part.querySelector('[data-state="final"]')) reload();
    }
  });
  addEventListener('pagehide', () => source.close());
})();
