// The live board: puts in what the server sends, lets the times run, and says at once when nobody is telling any more.
const board = document.querySelector(".board");
const SILENCE_MS = 5500, AGAIN_MS = 2000;
const WARN_MS = 60_000, OVER_MS = 180_000;
let ahead = Number(board.dataset.now) - Date.now(); // server clock minus ours
let heardAt = performance.now(), dataAt = Number(board.dataset.now);

const zone = { timeZone: "Asia/Ho_Chi_Minh", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat("vi-VN", { ...zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : "vi-VN", { ...zone, weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" });

function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000)), two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function say(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
}

function run(now) {
  for (const time of document.querySelectorAll("time[data-since]")) {
    const ms = now - Number(time.dataset.since), text = span(ms);
    if (time.textContent !== text) time.textContent = text;
    if ("waiting" in time.dataset) time.className = `run th th-${ms >= OVER_MS ? "over" : ms >= WARN_MS ? "warn" : "ok"}`;
  }
}

function tick() {
  const now = Date.now() + ahead, silent = performance.now() - heardAt > SILENCE_MS;
  const lost = document.querySelector("[data-stale]"), stale = lost === null ? null : Number(lost.dataset.stale);
  document.body.classList.toggle("is-lost", silent || lost !== null);
  document.getElementById("edge-lost").hidden = !silent;
  say("clock", clock.format(now));
  say("date", day.format(now));
  const truth = stale === null ? dataAt : stale; // the moment up to which this page is true; 0 is never
  say("data-time", truth ? clock.format(truth) : "–");
  if (silent) say("lost-since", document.getElementById("lost-since").dataset.text.replace("@", clock.format(truth || now)));
  // Times that ran on without news would look alive: they stop where the truth stops.
  run(silent || lost !== null ? truth || now : now);
}

function place(id, html) {
  const section = document.getElementById(id), focused = section.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  section.innerHTML = html;
  if (focused) section.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function take(event) {
  const { now, build, sections } = JSON.parse(event.data);
  if (build !== board.dataset.build) return location.reload(); // the service was upgraded under an open page
  heardAt = performance.now();
  ahead = now - Date.now();
  dataAt = now;
  for (const [id, html] of Object.entries(sections)) place(id, html);
  tick();
}

function listen() {
  const source = new EventSource(`/live?lang=${board.dataset.lang}`);
  source.addEventListener("board", take);
  // The browser comes back by itself after a broken stream, but never after an answer that is none, such as a proxy's 502.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS);
  });
}

listen();
setInterval(tick, 500);
tick();
