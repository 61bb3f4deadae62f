// One call: a word plays when it is clicked or chosen by keyboard, the word being spoken is marked, and a transcript that is still being
// written is waited for without cutting off whoever is listening already.
const page = document.querySelector(".call"), audio = document.getElementById("audio");
const words = [...document.querySelectorAll(".w")];
const AHEAD_S = 0.15, AGAIN_MS = 3000;
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };

function play(word) {
  audio.currentTime = Math.max(0, Number(word.dataset.at) - AHEAD_S);
  audio.play();
}

// The latest word begun, unless it has been over for a while; two people may speak at once, so the order in the page does not tell.
function wordAt(now) {
  const begun = words.filter((word) => Number(word.dataset.at) - AHEAD_S <= now);
  const last = begun.reduce((a, b) => (a && Number(a.dataset.at) > Number(b.dataset.at) ? a : b), null);
  return last && now < Number(last.dataset.end) + 2 * AHEAD_S ? last : null;
}

// All words are one stop of the Tab key; arrows go from word to word.
function go(word, step) {
  const next = words[Math.min(words.length - 1, Math.max(0, words.indexOf(word) + step))];
  word.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function key(event) {
  const step = STEPS[event.key];
  if (step === undefined && event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  if (step === undefined) play(event.currentTarget);
  else go(event.currentTarget, step);
}

if (audio && words.length) {
  page.dataset.seek = "";
  for (const word of words) {
    word.setAttribute("role", "button");
    word.tabIndex = word === words[0] ? 0 : -1;
    word.addEventListener("click", () => play(word));
    word.addEventListener("keydown", key);
  }
  audio.addEventListener("timeupdate", () => {
    const spoken = audio.paused ? null : wordAt(audio.currentTime);
    for (const word of words) word.classList.toggle("now", word === spoken);
  });
}

// A link from a search: play from where the sentence begins.
function fromLink() {
  const at = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
  if (!audio || !at) return;
  audio.currentTime = Number(at[1]);
  audio.play().catch(() => {});
  const spoken = words.find((word) => Number(word.dataset.at) >= Number(at[1]) - AHEAD_S);
  if (spoken) spoken.closest("li").scrollIntoView({ block: "center" });
}
fromLink();
addEventListener("hashchange", fromLink);

if (page.dataset.state === "pending") {
  setInterval(() => {
    if (!audio || audio.paused) location.reload();
  }, AGAIN_MS);
}
