// The live parts. Every page works without them.
"use strict";

// The steps of a request, as they change. A page that nobody sees listens to nothing: a browser has few connections for all its tabs.
const live = document.querySelector("#live[data-events]");
if (live) {
  let source;
  const listen = () => {
    source?.close();
    source = undefined;
    if (document.hidden) return;
    source = new EventSource(live.dataset.events);
    source.addEventListener("steps", (event) => {
      // what was opened to be read stays open
      const open = [...live.querySelectorAll("details")].map((each) => each.open);
      live.innerHTML = event.data;
      live.querySelectorAll("details").forEach((each, place) => {
        each.open = open[place] ?? each.open;
      });
    });
    source.addEventListener("over", () => source.close());
  };
  listen();
  addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
}

// A form is sent once, however often its button is pressed.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});

// Back from another page, a form may be sent again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
