"""The style sheet of the HTML report."""

STYLE = """
:root {
  --page: #ffffff; --panel: #f6f8fa; --text: #1f2328; --muted: #59636e;
  --line: #d1d9e0; --accent: #0b62c4; --second: #b35900; --better: #1a7f37;
  --worse: #cf222e; --banner: #fff8e5; --banner-line: #d4a72c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1117; --panel: #161b22; --text: #e6edf3; --muted: #9198a1;
    --line: #30363d; --accent: #58a6ff; --second: #f0883e; --better: #3fb950;
    --worse: #ff7b72; --banner: #272115; --banner-line: #9e6a03;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 1240px; margin: 0 auto; padding: 40px 28px 80px; }
h1 { font-size: 1.95rem; line-height: 1.25; margin: 0 0 0.5rem; }
h2 {
  font-size: 1.35rem; margin: 3rem 0 0.9rem; padding-bottom: 0.35rem;
  border-bottom: 1px solid var(--line);
}
h3 { font-size: 1.05rem; margin: 1.8rem 0 0.6rem; }
p, li { max-width: 78ch; }
code {
  font: 0.86em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  background: var(--panel); padding: 0.1em 0.35em; border-radius: 4px;
}
nav { display: flex; flex-wrap: wrap; gap: 0.4rem 1.3rem; margin: 1.4rem 0; }
nav a { color: var(--accent); text-decoration: none; }
nav a:hover { text-decoration: underline; }
.banner {
  max-width: none; margin: 0.7rem 0; padding: 0.7rem 1rem; border-radius: 6px;
  background: var(--banner); border: 1px solid var(--banner-line);
  border-left-width: 5px;
}
.banner p { margin: 0; font-weight: 600; }
.banner ul { margin: 0.3rem 0 0; padding-left: 1.3rem; }
.note { color: var(--muted); font-size: 0.88rem; margin: 0.5rem 0 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { padding: 0.42rem 0.7rem; border-bottom: 1px solid var(--line); }
th { text-align: left; font-weight: 600; background: var(--panel); }
td { vertical-align: top; }
table.numbers { font-variant-numeric: tabular-nums; }
table.numbers th:nth-child(n+3), table.numbers td:nth-child(n+3) {
  text-align: right; white-space: nowrap;
}
table.numbers th.text, table.numbers td.text {
  text-align: left; white-space: normal; min-width: 9rem; font-size: 0.85rem;
}
table.numbers td.text:last-child { min-width: 18rem; }
table.numbers td { border-bottom: 0; }
table.numbers tr.first td { border-top: 1px solid var(--line); }
table.numbers tbody tr:last-child td { border-bottom: 1px solid var(--line); }
table.numbers td:first-child { font-weight: 600; }
table.settings td:nth-child(n+2) { overflow-wrap: anywhere; }
table.settings td:first-child { white-space: nowrap; }
table.pictures { table-layout: fixed; min-width: 900px; }
table.pictures th, table.pictures td { padding: 4px; border: 0; font-size: 0.82rem; }
table.pictures img {
  width: 100%; display: block; border: 1px solid var(--line); border-radius: 3px;
}
.caption { display: block; color: var(--muted); font-size: 0.78rem; padding-top: 2px; }
.better { color: var(--better); }
.worse { color: var(--worse); }
.missing { color: var(--muted); font-style: italic; }
.strong { font-weight: 700; }
.figures { display: grid; gap: 14px; margin: 0.8rem 0;
  grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
figure { margin: 0; padding: 8px; border: 1px solid var(--line); border-radius: 6px; }
figure img, figure svg { width: 100%; height: auto; display: block; }
@media print { nav { display: none; } figure { break-inside: avoid; } }
"""
