// The live board: puts in what the server sends, lets the times run, and says at once when nobody is telling any more.
const board = document.querySelector(".board");
const SILENCE_MS = 5500;
const WARN_MS = 60_000, OVER_MS = 180_000;
let ahead = Number(board.dataset.now) - Date.now(); // server clock minus ours
let heardAt = Date.now(), dataAt = Number(board.dataset.now);

const zone = { timeZone: "Asia/Ho_Chi_Minh", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat("vi-VN", { ...zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(document.documentElement.lang, { ...zone, weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" });

function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function tick() {
  const now = Date.now() + ahead, silent = Date.now() - heardAt > SILENCE_MS;
  const stale = document.querySelector("[data-stale]") !== null;
  document.body.classList.toggle("is-lost", silent || stale);
  document.getElementById("edge-lost").hidden = !silent;
  document.getElementById("clock").textContent = clock.format(now);
  document.getElementById("date").textContent = day.format(now);
  document.getElementById("data-time").textContent = clock.format(dataAt);
  if (silent) {
    const since = document.getElementById("lost-since");
    since.textContent = since.dataset.text.replace("@", clock.format(dataAt));
    return; // times that run would be times that look alive
  }
  if (stale) return;
  for (const time of document.querySelectorAll("time[data-since]")) {
    const ms = now - Number(time.dataset.since);
    time.textContent = span(ms);
    if ("waiting" in time.dataset) time.className = `run th th-${ms >= OVER_MS ? "over" : ms >= WARN_MS ? "warn" : "ok"}`;
  }
}

function take(event) {
  const { now, sections } = JSON.parse(event.data);
  heardAt = Date.now();
  ahead = now - heardAt;
  dataAt = now;
  for (const [id, html] of Object.entries(sections)) document.getElementById(id).innerHTML = html;
  tick();
}

const source = new EventSource(`/live?lang=${board.dataset.lang}`);
source.addEventListener("board", take);
setInterval(tick, 500);
tick();
