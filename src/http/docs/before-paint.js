// What must be known before anything is drawn, so that nothing moves later: scripts run, and requests are shown in this language.
{
  const { classList, dataset } = document.documentElement;
  let chosen = null;
  try {
    chosen = localStorage.getItem('docs-language');
  } catch {
    // A browser may keep pages from storing anything.
  }
  classList.add('scripted');
  dataset.language = ['javascript', 'python'].includes(chosen) ? chosen : 'curl';
}
