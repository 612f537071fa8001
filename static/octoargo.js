// Comforts only: copying, following a log, keeping focus, saying whether the page is live. Every page works without it.
const on = (names, act, capture = false) => names.split(" ").forEach((name) => document.addEventListener(name, act, capture));
const clock = () => new Date().toISOString().slice(11, 19); // UTC, as everywhere on the page
const live = document.getElementById("live"), topics = "applications deployments instances";
const made = clock(), seen = new WeakMap(), left = new WeakSet(); // when parts were refreshed; logs whose reader went up
let connected = false, changed = 0, lost = "", focused = "";
function tell(now = connected) {
  if (!live) return;
  if (connected && !now) lost = clock().slice(0, 5);
  connected = now;
  const seconds = Math.round((Date.now() - changed) / 1000);
  const ago = changed ? `, ${seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`} ago` : "";
  live.querySelector("span").textContent = connected ? `Live${ago}` : lost ? `Not live since ${lost}` : "Polling";
  live.dataset.live = connected ? "on" : "off";
  live.hidden = false;
}
const follow = () => document.querySelectorAll("[data-follow]").forEach((log) => { if (!left.has(log)) log.scrollTop = log.scrollHeight; });
const staleNote = (part) => part.previousElementSibling?.matches("[data-stale]") ? part.previousElementSibling : null;
on("htmx:sse:after:connection", () => { // what was missed meanwhile is asked for again
  tell(true);
  if (lost) topics.split(" ").forEach((topic) => live.dispatchEvent(new Event(topic, {bubbles: true})));
});
on("htmx:sse:before:connection htmx:sse:close htmx:sse:error", () => tell(false));
on(topics, () => { changed = Date.now(); tell(); });
on("scroll", ({target: log}) => left[log.scrollHeight - log.scrollTop - log.clientHeight < 24 ? "delete" : "add"](log), true);
on("htmx:before:response", (event) => { // signed out meanwhile: the whole page says so
  if (event.detail.ctx.response.raw.redirected) event.preventDefault() || location.reload();
});
on("htmx:before:swap", () => { focused = document.activeElement?.id; });
on("htmx:after:swap", ({detail}) => {
  const {sourceElement: part, response} = detail.ctx;
  if (response?.status < 400) { seen.set(part, clock()); staleNote(part)?.remove(); }
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  follow();
});
on("htmx:response:error htmx:error", ({target: part, detail}) => {
  if (part === live || !detail.ctx || staleNote(part)) return;
  part.before(document.getElementById("stale").content.cloneNode(true));
  part.previousElementSibling.querySelector(".number").textContent = seen.get(part) ?? made;
});
on("click", async ({target}) => {
  const button = target.closest("[data-copy]"), code = button && document.getElementById(button.dataset.copy);
  if (!code) return;
  getSelection().selectAllChildren(code);
  const copied = await navigator.clipboard?.writeText(code.textContent).then(() => true, () => false) || document.execCommand("copy");
  button.querySelector("[aria-live]").textContent = copied ? "Copied" : "Selected";
});
tell();
follow();
setInterval(tell, 5000);
