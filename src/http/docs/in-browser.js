// What the page cannot do as HTML: search, languages, copy, the server's own address, and the mark in the contents.
const byId = (id) => document.getElementById(id);
const [nav, menu, find, found] = ['contents', 'menu', 'find', 'found'].map(byId);
const root = document.documentElement;

for (const place of document.querySelectorAll('.origin')) place.textContent = location.origin;

function openContents(open) {
  nav.classList.toggle('open', open);
  menu.setAttribute('aria-expanded', String(open));
}
menu.addEventListener('click', () => openContents(!nav.classList.contains('open')));
nav.addEventListener('click', (event) => event.target.closest('a') && openContents(false));

const entries = [...nav.querySelectorAll('li a')].map((link) => {
  const target = byId(link.hash.slice(1));
  const section = target.closest('article, .shape, section');
  return { link, target, section, words: '' };
});

/** Every word of the query must stand somewhere in the section. The texts are read at the first key. */
function search() {
  const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let hits = 0;
  for (const entry of entries) {
    entry.words ||= entry.section.textContent.toLowerCase();
    const isHit = wanted.every((word) => entry.words.includes(word));
    entry.link.parentElement.hidden = !isHit;
    hits += Number(isHit);
  }
  for (const group of nav.querySelectorAll('section'))
    group.hidden = !group.querySelector('li:not([hidden])');
  found.textContent = wanted.length === 0 ? '' : `${hits} of ${entries.length}`;
}
find.addEventListener('input', search);
find.addEventListener('keydown', (event) => {
  if (event.key === 'Enter') entries.find(({ link }) => !link.parentElement.hidden)?.link.click();
});
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') openContents(false);
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.target.closest('input, textarea')) return;
  event.preventDefault();
  openContents(true);
  find.focus();
});

/** One choice for all requests of the page, and for the next time. */
function chooseLanguage(language) {
  root.dataset.language = language;
  for (const tab of document.querySelectorAll('[role=tab]')) {
    const isChosen = tab.dataset.language === language;
    tab.setAttribute('aria-selected', String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
  }
}
chooseLanguage(root.dataset.language);

/** Requests above get longer or shorter, too; the one that is looked at stays where it is, also where a browser (Safari) lets it move. */
function pickTab(tab) {
  const top = tab.getBoundingClientRect().top;
  chooseLanguage(tab.dataset.language);
  scrollBy({ top: tab.getBoundingClientRect().top - top, behavior: 'instant' });
  tab.focus({ preventScroll: true });
  try {
    localStorage.setItem('docs-language', tab.dataset.language);
  } catch {
    // Then for this page alone.
  }
}

/** Which tab a key leads to, from the one that has the focus. */
const TAB_KEYS = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Without the clipboard (a page that came over plain HTTP has none) the text is selected, ready for the keys. */
async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = 'Selected';
  }
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 2000);
}
for (const figure of document.querySelectorAll('figure.request')) {
  const tabs = [...figure.querySelectorAll('[role=tab]')];
  for (const tab of tabs) tab.addEventListener('click', () => pickTab(tab));
  figure.querySelector('[role=tablist]').addEventListener('keydown', (event) => {
    const at = tabs.indexOf(event.target);
    const next = at < 0 ? undefined : TAB_KEYS[event.key]?.(at, tabs.length);
    if (next === undefined) return;
    event.preventDefault();
    pickTab(tabs[next]);
  });
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.addEventListener('click', () =>
    copy(figure.querySelector(`.panel[data-language=${root.dataset.language}] code`), button),
  );
  figure.append(button);
}

/** The section at the top of the window is the one that the contents show as current. */
const watcher = new IntersectionObserver(
  (changes) => {
    const top = changes.find(({ isIntersecting }) => isIntersecting);
    if (!top) return;
    for (const { link, section } of entries) {
      if (section !== top.target) link.removeAttribute('aria-current');
      else {
        link.setAttribute('aria-current', 'true');
        if (nav.scrollHeight > nav.clientHeight)
          link.scrollIntoView({ block: 'nearest', behavior: 'instant' });
      }
    }
  },
  { rootMargin: '-20% 0px -75%' },
);
for (const { section } of entries) watcher.observe(section);
