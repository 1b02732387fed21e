// main.tsx - where the page begins. Next: app.tsx.
import { render } from "preact";
import { App } from "./app";
import "./style/tokens.css";
import "./style/base.css";
import "./style/ui.css";
import "./style/print.css";

const place = document.getElementById("app");
if (place) render(<App />, place);
