// What textual.js leaves to its page: where the socket is, the keyboard, and starting again.
// This runs before it. The link's token, used by now, leaves the address bar and the history,
// and with it whatever else stood there that textual.js would heed.
"use strict";

history.replaceState(null, "", "/");

document.addEventListener("DOMContentLoaded", () => {
  const terminal = document.getElementById("terminal");
  terminal.dataset.sessionWebsocketUrl = `ws://${location.host}/ws`;
  document.getElementById("again").addEventListener("click", () => location.reload());
});

const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();

// textual.js makes the terminal in its own handler of this event.
window.addEventListener("load", () => setTimeout(focus));
window.addEventListener("focus", focus);
