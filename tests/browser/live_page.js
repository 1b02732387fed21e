// live_page.js - an EventSource and socket.io-client as a page's author uses them.
const heard = { stream: [], socket: [] };

async function logIn(apiKey) {
  const answer = await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ api_key: apiKey }),
  });
  return answer.status;
}

function listenByEventSource(url) {
  const source = new EventSource(url);
  source.onopen = () => heard.stream.push(["open", null, null]);
  source.onerror = () => heard.stream.push(["error", source.readyState, null]);
  for (const name of ["run_updated", "episodes", "reset"])
    source.addEventListener(name, (event) =>
      heard.stream.push([name, JSON.parse(event.data), event.lastEventId]),
    );
  window.source = source;
}

function listenBySocket(url, runId) {
  const socket = io(url, { path: "/socket.io", reconnectionDelayMax: 1000 });
  let seen; // the newest seq: where to go on after a break
  socket.on("connect", () => socket.emit("subscribe_training", { run_id: runId, after: seen }));
  socket.on("disconnect", (reason) => heard.socket.push(["disconnect", reason]));
  socket.on("connect_error", (error) => heard.socket.push(["connect_error", error.message]));
  socket.onAny((name, data) => {
    seen = data.seq ?? seen;
    heard.socket.push([name, data]);
  });
  window.socket = socket;
}
