// events.mjs - an EventSource as browsers have it, told as lines of JSON.
// Run by tests/clients/test_socketio_js.py: node events.mjs URL
import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
const tell = (event, data, id) => console.log(JSON.stringify({ event, data, id }));

source.onopen = () => tell("open");
source.onerror = (error) => tell("error", { code: error.code ?? null });
for (const name of ["run_updated", "episodes", "reset"])
  source.addEventListener(name, (event) => tell(name, JSON.parse(event.data), event.lastEventId));
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
