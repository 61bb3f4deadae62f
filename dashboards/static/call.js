// One call: a click on a word plays it, the word being spoken is marked, and a transcript that is still being written is waited for.
const page = document.querySelector(".call"), audio = document.getElementById("audio");
const words = [...document.querySelectorAll(".w")];

if (audio && words.length) {
  page.dataset.seek = "";
  for (const word of words) {
    word.addEventListener("click", () => {
      audio.currentTime = Math.max(0, Number(word.dataset.at) - 0.15);
      audio.play();
    });
  }
  audio.addEventListener("timeupdate", () => {
    for (const word of words) {
      const at = Number(word.dataset.at);
      word.classList.toggle("now", !audio.paused && at <= audio.currentTime && audio.currentTime < at + 0.5);
    }
  });
}
if (page.dataset.state === "pending") setTimeout(() => location.reload(), 3000);
