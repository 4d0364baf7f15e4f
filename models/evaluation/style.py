"""How pages look: light and dark, wide and narrow, on screen and on paper."""

STYLE = """
:root{--paper:#fff;--ink:#1c2128;--soft:#59636e;--line:#d5dbe1;--shade:#0004;
--good:#116329;--good-bg:#dcf5e3;--bad:#a40e26;--bad-bg:#ffe5e6;--open:#59636e;--open-bg:#eceff2;
--s0:#0b5fd0;--s1:#6b7480;--s2:#c2570c;--s3:#0f7b6c;--s4:#9a3aa8;--s5:#8a6d00}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e3e8ee;--soft:#9aa5b1;
--line:#343c46;--shade:#fff5;--good:#6fdc8c;--good-bg:#12331d;--bad:#ff9a9a;--bad-bg:#44181c;
--open:#a7b1bc;--open-bg:#2a323b;
--s0:#6cb0ff;--s1:#a7b1bc;--s2:#ffa15c;--s3:#4fd1bd;--s4:#e29bee;--s5:#e3c34d}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .3rem;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:2.8rem 0 .6rem;padding-top:.8rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.8rem 0 .4rem}
p{margin:.6rem 0;max-width:46rem;overflow-wrap:anywhere}
.note{color:var(--soft)}
.means{border-left:3px solid var(--s0);padding:.1rem 0 .1rem .8rem;margin:.9rem 0}
.verdict{border-radius:.6rem;padding:1rem 1.2rem;margin:1.2rem 0;border:1px solid currentColor}
.verdict p{margin:.3rem 0 0;font-size:1.2rem;line-height:1.4;color:var(--ink);max-width:none}
.verdict strong{font-size:1.5rem;line-height:1.2}
.verdict.good,.badge.good{color:var(--good);background:var(--good-bg)}
.verdict.bad,.badge.bad{color:var(--bad);background:var(--bad-bg)}
.badge.open{color:var(--open);background:var(--open-bg)}
.badge{display:inline-block;white-space:nowrap;padding:.05rem .5rem;border-radius:.4rem;
font-weight:600;font-size:.9em}
nav{margin:1rem 0;line-height:2}nav a{color:var(--s0);margin-right:1rem;white-space:nowrap}
.wide{overflow-x:auto;margin:1rem 0;background:
linear-gradient(to left,var(--paper) 30%,transparent) right/3rem 100% no-repeat local,
linear-gradient(to left,var(--shade),transparent) right/1rem 100% no-repeat scroll}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;font-weight:600;padding-bottom:.3rem}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--soft);font-weight:600;vertical-align:bottom}
tbody th{font-weight:500;text-align:left}
.figures td,.figures thead th{text-align:right;font-variant-numeric:tabular-nums}
.figures td{white-space:nowrap}
.figures thead th:first-child,.figures tbody th{text-align:left;position:sticky;left:0;
background:var(--paper)}
.prose td,.prose th{text-align:left;overflow-wrap:break-word}
.keep{white-space:nowrap}
.prose thead th:first-child{min-width:9rem}
.prose td:nth-child(-n+3){min-width:6rem}
.bars td:nth-child(2){width:45%;min-width:6rem}
dl{margin:.8rem 0;display:grid;grid-template-columns:minmax(9rem,14rem) 1fr;gap:.25rem 1rem;
font-size:.95rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
figure{margin:1rem 0;break-inside:avoid}
figcaption{font-weight:600;margin-bottom:.3rem}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:1rem 2rem}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{fill:var(--soft);font-size:13px;font-family:inherit}
.square{max-width:27rem}
.grid{stroke:var(--line);stroke-width:1}
.axis{stroke:var(--soft);stroke-width:1}
.ideal{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 5;fill:none}
.curve{fill:none;stroke-width:1.6;stroke-linejoin:round}
.s0{stroke:var(--s0);stroke-width:2.6}.s1{stroke:var(--s1);stroke-dasharray:2 4}
.s2{stroke:var(--s2)}.s3{stroke:var(--s3);stroke-dasharray:9 4}
.s4{stroke:var(--s4);stroke-dasharray:12 3 2 3}.s5{stroke:var(--s5);stroke-dasharray:5 3}
.dot{fill:var(--s0);fill-opacity:.55;stroke:var(--s0)}
.whisker{stroke:var(--s0);stroke-width:1.5}
.bar{height:.9em;margin-top:.3em}.bar rect{fill:var(--s0)}
.legend{list-style:none;margin:.4rem 0;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;
font-size:.92rem}
.legend svg{display:inline-block;width:2rem;height:.7rem;margin-right:.4rem}
@media (max-width:40rem){
body{font-size:15px}h1{font-size:1.2rem}.verdict p{font-size:1.08rem}
.timeline text{font-size:25px}.timeline .curve{stroke-width:3}.timeline .s0{stroke-width:4.6}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}
.prose thead{display:none}.prose,.prose tbody,.prose tr,.prose th,.prose td,.prose caption{
display:block}
.prose tr{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .7rem;margin:.6rem 0}
.prose th,.prose td{overflow-wrap:anywhere;border:0;padding:.1rem 0}.prose tbody th{font-weight:600}
.prose td:empty{display:none}
.prose td::before{content:attr(data-label) ": ";color:var(--soft)}}
@media print{
:root{--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--good:#0b4a1e;--good-bg:#fff;
--bad:#8a0a1d;--bad-bg:#fff;--open:#444;--open-bg:#fff;--s0:#0b5fd0;--s1:#6b7480;--s2:#c2570c;
--s3:#0f7b6c;--s4:#9a3aa8;--s5:#8a6d00}
body{font-size:10pt}dl{font-size:8.5pt}main{max-width:none;padding:0}nav{display:none}
.wide{overflow:visible;background:none}table{font-size:8pt}th,td{padding:.15rem .35rem}
.figures td{white-space:normal}h2,h3,figcaption,caption{break-after:avoid}
tr,.verdict,.pair{break-inside:avoid}.square{max-width:11cm}
.badge,.verdict{border:1px solid currentColor}}
""".replace("\n", "")
