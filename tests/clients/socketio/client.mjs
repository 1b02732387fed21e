// client.mjs - socket.io-client as its users use it; tells what it hears, one JSON object a line.
// Run by tests/clients/test_socketio_js.py: node client.mjs URL TRANSPORTS [RUN_ID] [API_KEY]
import { io } from "socket.io-client";

const [url, transports, runId, apiKey] = process.argv.slice(2);
const options = { path: "/socket.io", reconnectionDelay: 100, reconnectionDelayMax: 400 };
if (transports !== "default") options.transports = transports.split(",");
if (apiKey) options.auth = { api_key: apiKey };

const tell = (event, data) => console.log(JSON.stringify({ event, data }));
const socket = io(url, options);
let seen = null; // the seq of the newest event: where to go on after a break

socket.io.on("open", () =>
  socket.io.engine.on("upgrade", (transport) => tell("upgrade", { transport: transport.name })),
);
socket.on("connect", () => {
  tell("connect", { sid: socket.id, transport: socket.io.engine.transport.name });
  const wish = runId ? { run_id: runId } : {};
  if (seen !== null) wish.after = seen;
  socket.emit("subscribe_training", wish, (answer) => tell("ack", answer));
});
socket.on("connect_error", (error) => tell("connect_error", { message: error.message }));
socket.on("disconnect", (reason) => tell("disconnect", { reason }));
socket.onAny((event, data) => {
  if (data && data.seq !== undefined) seen = data.seq;
  tell(event, data);
});
process.stdin.on("end", () => socket.disconnect() && setTimeout(() => process.exit(0), 200));
process.stdin.resume();
