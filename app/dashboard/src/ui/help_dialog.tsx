// help_dialog.tsx - the keys, and turning them off.
import { useStore } from "../store";
import { Dialog } from "./dialog";
import { shortcutsOn, turnShortcuts } from "./shortcuts";

const KEYS: readonly [string, string][] = [
  ["/", "Search"],
  ["j", "Next run"],
  ["k", "Previous run"],
  ["Enter", "Open the run"],
  ["x", "Select the run, or unselect it"],
  ["c", "Compare the selected runs"],
  ["?", "This help"],
  ["Esc", "Close a dialog or menu, leave the search"],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const on = useStore(shortcutsOn);
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <table class="keys">
        <tbody>
          {KEYS.map(([key, does]) => (
            <tr key={key}>
              <th scope="row">
                <kbd>{key}</kbd>
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <label class="choice">
        <input type="checkbox" checked={on} onChange={(event) => turnShortcuts(event.currentTarget.checked)} />
        Single keys do this
      </label>
    </Dialog>
  );
}
