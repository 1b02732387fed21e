// copy_button.tsx - copies a text, and says that it did.
import { useState } from "preact/hooks";
import { announce, tell } from "./toast";

/** what: for people, "run id". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await writeClipboard(text);
      setDone(true);
      announce(`Copied the ${what}`);
      setTimeout(() => setDone(false), 1500);
    } catch {
      tell(`The browser does not let the ${what} be copied: ${text}`, "failed");
    }
  };
  return (
    <button type="button" class="plain copy" aria-label={`Copy the ${what} ${text}`} title={`Copy ${text}`} onClick={copy}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {done ? (
          <path d="M3 8.5 6.5 12 13 4.5" />
        ) : (
          <path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" />
        )}
      </svg>
    </button>
  );
}

/** The clipboard needs https or localhost; elsewhere an older way does. */
async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("not copied");
}
