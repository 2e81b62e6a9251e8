// Each change is answered when typing pauses, Enter at once. Only the last question is shown an answer.
const form = document.querySelector("form"), said = document.getElementById("said"), shown = document.getElementById("shown");
const PAUSE = 350; // milliseconds
let timer, asked, running;

function put(words, html, failed = false) {
  said.textContent = words;
  said.classList.toggle("warning", failed);
  shown.innerHTML = html; // made by the service, which escapes what it was given
  shown.removeAttribute("aria-busy");
}

async function ask() {
  clearTimeout(timer);
  const fields = Object.fromEntries(new FormData(form));
  const body = JSON.stringify(fields);
  if (body === asked) return;
  asked = body;
  running?.abort();
  if (Object.values(fields).some(text => !text.trim())) return put("", "");
  running = new AbortController();
  const { signal } = running;
  shown.setAttribute("aria-busy", "true");
  try {
    const response = await fetch("show", { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
    const answer = await response.json();
    if (signal.aborted) return;
    if (response.ok) put(answer.said, answer.html);
    else put(answer.detail, "", true);
    if (response.status >= 500) asked = undefined; // Enter asks again
  } catch (error) {
    if (signal.aborted) return;
    asked = undefined;
    put("The service does not answer. Is structnn serve still running?", "", true);
  }
}

form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, PAUSE); });
form.addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  ask();
});
form.addEventListener("submit", event => event.preventDefault());
ask(); // what a reloaded page has kept
