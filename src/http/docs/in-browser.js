// What the page cannot do as HTML: search, copy, the server's own address, and the mark in the contents.
const byId = (id) => document.getElementById(id);
const [nav, menu, find, found] = ['contents', 'menu', 'find', 'found'].map(byId);
document.documentElement.classList.add('scripted');
menu.hidden = false;
find.parentElement.hidden = false;

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
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.target.closest('input')) return;
  event.preventDefault();
  openContents(true);
  find.focus();
});

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
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'Copy';
  button.addEventListener('click', () => copy(figure.querySelector('code'), button));
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
