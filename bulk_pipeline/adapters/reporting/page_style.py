"""How the page of the report looks; the colours are those of the upload page.

Every pair of text and ground has a contrast of 4.5 or more (WCAG 2.2, AA). Where the
system is dark, the page is, and its pictures, which are light, are turned over: black
for white, each colour another one of its hue.
"""

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --sheet: #fff; --text: #1b2230;
  --quiet: #566072; --line: #d5dae2; --accent: #1f5fa8; --wait: #7a4d00;
  --wait-ground: #fdf1d8; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ground: #12161d; --sheet: #1b212b; --text: #e7eaf0; --quiet: #a4aebf;
    --line: #323b49; --accent: #8abaf5; --wait: #f3cb7d; --wait-ground: #3b2c0c; }
  img { filter: invert(1) hue-rotate(180deg); mix-blend-mode: lighten; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem 1rem 4rem;
  background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1, h2, h3, p, dl, dd { margin: 0; }
h1 { font-size: 1.5rem; line-height: 1.2; }
h2 { font-size: 1.25rem; margin: 2rem 0 .75rem; }
h3 { font-size: 1rem; margin-bottom: .5rem; }
header p, article p, footer, .none { color: var(--quiet); }
article p, footer { font-size: .875rem; }
footer { margin-top: 2rem; }
.note { margin-top: 1rem; padding: .75rem 1rem; border-radius: .5rem;
  background: var(--wait-ground); color: var(--wait); }
.none { margin-bottom: .75rem; }
.tiles { display: grid; gap: .75rem; margin-bottom: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); }
.tiles div, article { background: var(--sheet); border: 1px solid var(--line);
  border-radius: .5rem; }
.tiles div { padding: .6rem .8rem; }
dt { color: var(--quiet); font-size: .8125rem; }
dd { font-size: 1.25rem; font-weight: 600; line-height: 1.3; }
dd.what { color: var(--quiet); font-size: .75rem; font-weight: 400; }
.plots { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
article { padding: 1rem; min-width: 0; }
img { display: block; width: 100%; height: auto; margin-bottom: .5rem; }
details { margin-top: .5rem; }
summary { cursor: pointer; color: var(--accent); font-size: .875rem; }
.wide { max-height: 24rem; overflow: auto; margin-top: .5rem; }
.beside { grid-column: 1 / -1; }
.beside .wide { max-height: none; }
table { border-collapse: collapse; overflow-wrap: normal; font-size: .8125rem;
  width: 100%; }
th, td { padding: .25rem .6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { position: sticky; top: 0; background: var(--sheet); }
:is(th, td):first-child, .beside :is(th, td):last-child { text-align: left; }
.beside td:last-child { white-space: normal; min-width: 12rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); }
@media (min-width: 62rem) {
  .beside { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; }
}
@media (max-width: 30rem) {
  body { padding: 1rem .5rem 2rem; }
  article { padding: .75rem .5rem; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: .5rem; }
  .beside tr { display: grid; grid-template-columns: 1fr 4rem 4rem;
    border-bottom: 1px solid var(--line); }
  .beside :is(th, td) { border-bottom: 0; }
  .beside :is(th, td):last-child { grid-column: 1 / -1; padding-top: 0; }
}
@page { margin: 12mm; }
@media print {
  :root { --ground: #fff; font-size: 75%; }
  body { max-width: none; padding: 0; }
  h2, h3 { break-after: avoid; }
  article, .tiles div { break-inside: avoid; }
  .plots { grid-template-columns: 1fr 1fr; gap: .5rem; }
  .beside { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; }
  article { padding: .5rem; }
  details:not([open]) { display: none; }
}
"""
