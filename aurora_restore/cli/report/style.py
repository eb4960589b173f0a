"""How a report looks: on a wide page and on a phone, light and dark, and printed."""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1c2430; --quiet: #5b6675; --line: #d9dee5; --faint: #f4f6f8;
  --good: #1a7f4b; --bad: #c62f3b; --warn: #9a6700; --single: #3567b5;
  --s1: #3567b5; --s2: #e39a35; --s3: #2f9e8f; --s4: #b4508f; --s5: #7a6cc9; --s6: #8fa43a;
  --s7: #5aaed6; --s0: #9aa5b1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181e; --ink: #e6eaf0; --quiet: #9ca8b7; --line: #2f3844; --faint: #1c222a;
    --good: #4cc38a; --bad: #ff6b73; --warn: #e2b341; --single: #6f9fe8;
    --s1: #6f9fe8; --s2: #efb25c; --s3: #4fc0af; --s4: #d47bb3; --s5: #a397ec; --s6: #b4c95f;
    --s7: #86cbee; --s0: #77828f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 900px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 22px; line-height: 1.25; margin: 48px 0 4px; padding-top: 20px;
  border-top: 1px solid var(--line); overflow-wrap: anywhere; }
h3 { font-size: 17px; margin: 36px 0 2px; }
p { margin: 0 0 12px; }
.quiet { color: var(--quiet); overflow-wrap: anywhere; }
.empty { margin: 32px 0; padding: 40px 24px; text-align: center; background: var(--faint);
  border-radius: 8px; }
.empty p { margin: 0; }
figure { margin: 0; }
figure > p { color: var(--quiet); font-size: 14.5px; max-width: 68ch; }
svg { display: block; width: 100%; height: auto; overflow: visible;
  font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
svg.narrow { display: none; }
.grid { stroke: var(--line); stroke-width: 1; }
.axis { stroke: var(--quiet); stroke-width: 1; }
.tick { fill: var(--quiet); font-variant-numeric: tabular-nums; }
.label { fill: var(--quiet); font-weight: 600; }
.row { fill: var(--ink); font-size: 13px; }
.line { fill: none; stroke: var(--single); stroke-width: 1.5; stroke-opacity: 0.55; }
.point, .single { fill: var(--single); }
.failure { fill: var(--bad); }
.s1 { fill: var(--s1); background: var(--s1); } .s2 { fill: var(--s2); background: var(--s2); }
.s3 { fill: var(--s3); background: var(--s3); } .s4 { fill: var(--s4); background: var(--s4); }
.s5 { fill: var(--s5); background: var(--s5); } .s6 { fill: var(--s6); background: var(--s6); }
.s7 { fill: var(--s7); background: var(--s7); } .s0 { fill: var(--s0); background: var(--s0); }
.mark { fill: none; stroke-width: 2; stroke-linecap: round; }
.mark.failed { stroke: var(--bad); } .mark.stopped, .mark.continued { stroke: var(--warn); }
.mark.running { fill: var(--page); stroke: var(--good); }
.mark.unknown, .mark.partly-known { fill: var(--warn); font-weight: 700; }
.run:hover rect, .run:hover circle { opacity: 0.75; }
.legend { list-style: none; margin: 10px 0 0; padding: 0; display: flex; flex-wrap: wrap;
  gap: 4px 18px; font-size: 13.5px; color: var(--quiet); }
.legend li { display: flex; align-items: center; gap: 7px; }
.legend i { width: 11px; height: 11px; border-radius: 2px; }
.legend i.mark { width: auto; height: auto; font-style: normal; font-weight: 700; line-height: 1;
  font-size: 17px; }
.legend i.failed { color: var(--bad); }
.legend i.stopped, .legend i.continued, .legend i.unknown, .legend i.partly-known {
  color: var(--warn); }
.legend i.running { color: var(--good); }
details { margin-top: 10px; font-size: 14px; }
summary { cursor: pointer; color: var(--quiet); width: fit-content; }
summary:hover { color: var(--ink); }
:focus-visible { outline: 2px solid var(--single); outline-offset: 2px; border-radius: 2px; }
.scroll { overflow-x: auto; margin-top: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 7px 18px 7px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-weight: 600; font-size: 13px; white-space: nowrap; }
tbody th { font-weight: 600; }
.numbers td, .numbers th { white-space: nowrap; font-weight: 400; }
.numbers thead th { font-weight: 600; }
.summary { margin-top: 24px; font-size: 15px; }
.summary td:not(:last-child) { white-space: nowrap; }
.summary td, .summary tbody th { padding-top: 10px; padding-bottom: 10px; }
.summary .paused td { padding-top: 0; font-size: 14px; overflow-wrap: anywhere; }
.summary tr:has(+ .paused) > * { border-bottom: 0; padding-bottom: 2px; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.failed-runs { list-style: none; margin: 18px 0 0; padding: 0; font-size: 14px; }
.failed-runs li { padding: 10px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.failed-runs p { margin: 0; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { margin-top: 64px; padding-top: 16px; border-top: 1px solid var(--line);
  color: var(--quiet); font-size: 13.5px; }
@media (max-width: 580px) {
  main { padding: 24px 16px 48px; }
  h1 { font-size: 24px; }
  h2 { margin-top: 44px; }
  svg.wide { display: none; }
  svg.narrow { display: block; max-width: 440px; }
  .summary thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .summary, .summary tbody, .summary tr { display: block; }
  .summary tr { padding: 12px 0; border-bottom: 1px solid var(--line); }
  .summary tbody th { display: block; border: 0; padding: 0 0 4px; font-size: 16px; }
  .summary td { display: flex; justify-content: space-between; gap: 16px; border: 0;
    padding: 2px 0; }
  .summary td::before { content: attr(data-label); color: var(--quiet); white-space: nowrap; }
  .summary td[data-label] span { text-align: right; }
  .summary .paused { padding-top: 0; }
  .summary .paused td { display: block; }
  .summary .paused td::before { content: none; }
  .summary tr:has(+ .paused) { border-bottom: 0; padding-bottom: 4px; }
}
@media print {
  :root { color-scheme: light; --page: #ffffff; --ink: #000000; --quiet: #444444;
    --line: #cccccc; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  body { font-size: 12px; }
  figure, .summary tr, .failed-runs li { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  details:not([open]) { display: none; }
}
"""
